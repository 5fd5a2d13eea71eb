package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
)

func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// Two fresh installations have no id, name or address in common that two real hosts
// would not.
func TestTwoInstallationsShareNothing(t *testing.T) {
	tokens := func(d *decoy) map[string]string {
		m := map[string]string{}
		c := d.client("127.0.0.5")
		// Before 28 a container's MAC address is 02:42 and the bytes of its IP, on any
		// host alike.
		ruled := map[string]bool{}
		var l []struct {
			NetworkSettings struct {
				Networks map[string]struct {
					IPAddress  netip.Addr
					MacAddress string
				}
			}
		}
		if err := json.Unmarshal([]byte(get(t, c, "http://"+d.addr+"/containers/json?all=1")), &l); err != nil {
			t.Fatal(err)
		}
		for _, x := range l {
			for _, n := range x.NetworkSettings.Networks {
				if n.IPAddress.Is4() {
					a := n.IPAddress.As4()
					if n.MacAddress != fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3]) {
						t.Errorf("%s has %s", n.IPAddress, n.MacAddress)
					}
					ruled[n.MacAddress] = true
				}
			}
		}
		for _, p := range []string{"/info", "/containers/json?all=1", "/images/json", "/networks", "/volumes"} {
			body := get(t, c, "http://"+d.addr+p)
			for _, re := range []string{`[0-9a-f]{64}`, `(?:[0-9a-f]{2}:){5}[0-9a-f]{2}`, `"ID":"[^"]+"`, `"Name":"[^"]+"`, `"Names":\["[^"]+"`} {
				for _, x := range regexp.MustCompile(re).FindAllString(body, -1) {
					if !ruled[x] {
						m[x] = p
					}
				}
			}
		}
		return m
	}
	a, b := tokens(serve(t)), tokens(serve(t))
	// What every Docker host has: its three networks, and images by the digest of
	// what they really are.
	common := regexp.MustCompile(`^"Name":"(bridge|host|none|docker|docker\.io|runc|io\.containerd.*|seccomp.*|apparmor)"`)
	shared := 0
	for x, p := range a {
		commit := strings.HasPrefix(x, `"ID":"`) && len(x) < 50 && p == "/info" // of the release's components
		if b[x] == "" || common.MatchString(x) || commit {
			continue
		}
		shared++
		t.Errorf("both have %s in %s", x, p)
	}
	if len(a) < 20 {
		t.Errorf("only %d ids and names were compared", len(a))
	}
	t.Logf("%d and %d ids, names and addresses compared, %d shared", len(a), len(b), shared)
}

// Attackers do not see each other; who names another's container finds it.
func TestWorldsAreApartUntilNamed(t *testing.T) {
	d := serve(t, "--host", "empty")
	alice, bob, eve := d.client("127.0.0.11"), d.client("127.0.0.12"), d.client("127.0.0.13")
	id := d.run(alice, "sleep 300")
	if id == "" {
		t.Fatal("no container")
	}
	if l := get(t, alice, "http://"+d.addr+"/containers/json"); !strings.Contains(l, id) {
		t.Errorf("alice does not see her own container: %s", l)
	}
	if l := get(t, bob, "http://"+d.addr+"/containers/json"); strings.TrimSpace(l) != "[]" {
		t.Errorf("bob sees %s", l)
	}
	d.run(eve, "true")
	if l := get(t, eve, "http://"+d.addr+"/containers/json?all=1"); strings.Contains(l, id) {
		t.Errorf("eve sees alice's container: %s", l)
	}
	if l := get(t, bob, "http://"+d.addr+"/containers/"+id+"/json"); !strings.Contains(l, `"Running":true`) {
		t.Errorf("bob, who knows the id, does not find it: %.200s", l)
	}
	if l := get(t, bob, "http://"+d.addr+"/containers/"+strings.Repeat("0", 64)+"/json"); !strings.Contains(l, "No such container") {
		t.Errorf("an id nobody has: %s", l)
	}
	// The link is evidence.
	deadline := time.Now().Add(3 * time.Second)
	for {
		out, _, _ := wf(t, "export", "events", "--data", d.data, "--no-redact")
		found := false
		for _, l := range bytes.Split([]byte(out), []byte("\n")) {
			var e struct {
				Kind, Source string
				Data         struct{ How, By string }
			}
			if json.Unmarshal(l, &e) == nil && e.Kind == "world.open" && e.Source == "127.0.0.12" && e.Data.How == "entered" && strings.HasPrefix(id, e.Data.By) {
				found = true
			}
		}
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("bob's entry is not on record")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A restart looks like a restart of the daemon: what was made is there.
func TestRestartKeepsTheWorld(t *testing.T) {
	d := serve(t, "--host", "empty")
	c := d.client("127.0.0.11")
	id := d.run(c, "echo kept > /file; sleep 300")
	before := get(t, c, "http://"+d.addr+"/images/json")
	d.stop()
	d.start("--host", "empty")
	c = d.client("127.0.0.11")
	in := get(t, c, "http://"+d.addr+"/containers/"+id+"/json")
	if !strings.Contains(in, `"Running":false`) {
		t.Errorf("after the restart: %.300s", in)
	}
	if after := get(t, c, "http://"+d.addr+"/images/json"); after != before {
		t.Errorf("images were %s and are %s", before, after)
	}
	resp, err := c.Get("http://" + d.addr + "/containers/" + id + "/archive?path=/file")
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("the file is gone: %v %v", resp, err)
	} else {
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !bytes.Contains(b, []byte("kept\n")) {
			t.Error("the file's content is gone")
		}
	}
}
