package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/whalefall/whalefall/test/oracle"
)

// side is a daemon under the clock: its client, an image it has, and what each call
// took in milliseconds.
type side struct {
	c     *http.Client
	image string
	took  map[string][]float64
	order []string
}

// do makes a call and takes its time as name.
func (s *side) do(name, method, path string, body any) (map[string]any, error) {
	var b []byte
	switch v := body.(type) {
	case nil:
	case []byte:
		b = v
	default:
		var err error
		if b, err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	t0 := time.Now()
	out, err := call(s.c, method, path, b)
	if s.took[name] == nil && name != "" {
		s.order = append(s.order, name)
	}
	s.took[name] = append(s.took[name], time.Since(t0).Seconds()*1000)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	_ = json.Unmarshal(out, &m) // lists and empty answers are not looked at
	return m, nil
}

// round is one life of a container with what people ask of a daemon meanwhile.
func (s *side) round(n int) error {
	type o = map[string]any
	type step struct {
		name, method, path string
		body               any
	}
	var tarball bytes.Buffer
	tw := tar.NewWriter(&tarball)
	if err := tw.WriteHeader(&tar.Header{Name: "f", Mode: 0o644, Size: 2}); err != nil {
		return err
	}
	if _, err := tw.Write([]byte("x\n")); err != nil {
		return err
	}
	if err := tw.Close(); err != nil {
		return err
	}
	for _, p := range []string{"/_ping", "/version", "/info", "/containers/json", "/images/json", "/networks", "/volumes"} {
		if _, err := s.do("GET "+p, "GET", p, nil); err != nil {
			return err
		}
	}
	if _, err := s.do("GET /images/{}/json", "GET", "/images/"+s.image+"/json", nil); err != nil {
		return err
	}
	m, err := s.do("POST /containers/create", "POST", "/containers/create", o{"Image": s.image, "Cmd": []string{"busybox", "sleep", "1000"}})
	if err != nil {
		return err
	}
	id, ok := m["Id"].(string)
	if !ok {
		return fmt.Errorf("create answered %v", m)
	}
	at := "/containers/" + id
	net, vol := fmt.Sprintf("n%d", n), fmt.Sprintf("v%d", n)
	steps := []step{
		{"GET /containers/{}/json", "GET", at + "/json", nil},
		{"POST /containers/{}/rename", "POST", at + "/rename?name=" + fmt.Sprintf("c%d", n), nil},
		{"POST /containers/{}/start", "POST", at + "/start", nil},
		{"GET /containers/{}/top", "GET", at + "/top", nil},
		{"GET /containers/{}/logs", "GET", at + "/logs?stdout=1", nil},
		{"POST /containers/{}/update", "POST", at + "/update", o{"CpuShares": 512}},
		{"PUT /containers/{}/archive", "PUT", at + "/archive?path=/", tarball.Bytes()},
		{"GET /containers/{}/archive", "GET", at + "/archive?path=/f", nil},
		{"GET /containers/{}/changes", "GET", at + "/changes", nil},
		{"POST /containers/{}/pause", "POST", at + "/pause", nil},
		{"POST /containers/{}/unpause", "POST", at + "/unpause", nil},
		{"exec", "", "", nil},
		{"POST /networks/create", "POST", "/networks/create", o{"Name": net}},
		{"POST /networks/{}/connect", "POST", "/networks/" + net + "/connect", o{"Container": id}},
		{"POST /networks/{}/disconnect", "POST", "/networks/" + net + "/disconnect", o{"Container": id}},
		{"DELETE /networks/{}", "DELETE", "/networks/" + net, nil},
		{"POST /volumes/create", "POST", "/volumes/create", o{"Name": vol}},
		{"DELETE /volumes/{}", "DELETE", "/volumes/" + vol, nil},
		{"POST /commit", "POST", "/commit?container=" + id + "&repo=r" + fmt.Sprint(n), o{}},
		{"POST /images/{}/tag", "POST", "/images/r" + fmt.Sprint(n) + "/tag?repo=t" + fmt.Sprint(n), nil},
		{"DELETE /images/{}", "DELETE", "/images/t" + fmt.Sprint(n), nil},
		{"DELETE /images/{}", "DELETE", "/images/r" + fmt.Sprint(n), nil},
		{"POST /containers/{}/restart", "POST", at + "/restart?t=0", nil},
		{"POST /containers/{}/stop", "POST", at + "/stop?t=0", nil},
		{"", "POST", at + "/start", nil},
		{"POST /containers/{}/kill", "POST", at + "/kill", nil},
		{"", "POST", at + "/wait", nil},
		{"DELETE /containers/{}", "DELETE", at, nil},
		{"create again", "", "", nil},
		{"GET /system/df", "GET", "/system/df", nil},
		{"POST /containers/prune", "POST", "/containers/prune", nil},
		{"POST /volumes/prune", "POST", "/volumes/prune", nil},
		{"POST /images/prune", "POST", "/images/prune", nil},
	}
	for _, st := range steps {
		if st.name == "exec" {
			m, err := s.do("POST /containers/{}/exec", "POST", at+"/exec", o{"Cmd": []string{"true"}})
			if err != nil {
				return err
			}
			ex := fmt.Sprint(m["Id"])
			if _, err := s.do("POST /exec/{}/start", "POST", "/exec/"+ex+"/start", o{"Detach": true}); err != nil {
				return err
			}
			if _, err := s.do("GET /exec/{}/json", "GET", "/exec/"+ex+"/json", nil); err != nil {
				return err
			}
			continue
		}
		if st.name == "create again" {
			m, err := s.do("POST /containers/create", "POST", "/containers/create", o{"Image": s.image, "Cmd": []string{"busybox", "sleep", "1000"}})
			if err != nil {
				return err
			}
			again := "/containers/" + fmt.Sprint(m["Id"])
			if _, err := s.do("POST /containers/{}/start", "POST", again+"/start", nil); err != nil {
				return err
			}
			if _, err := s.do("DELETE /containers/{}?force", "DELETE", again+"?force=1", nil); err != nil {
				return err
			}
			continue
		}
		if _, err := s.do(st.name, st.method, st.path, st.body); err != nil {
			return err
		}
	}
	if n < 3 { // a swarm's beginning is slow, and a real one does not always come up twice
		if _, err := s.do("POST /swarm/init", "POST", "/swarm/init", o{"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"}); err == nil || n == 0 {
			if _, err := s.do("POST /swarm/leave", "POST", "/swarm/leave?force=1", nil); err != nil {
				return err
			}
		}
	}
	// A name that is none is told at once.
	for _, p := range []string{"start", "stop", "kill"} {
		if _, err := s.do("POST /containers/{}/"+p+" (404)", "POST", "/containers/none/"+p, nil); err == nil {
			return fmt.Errorf("%s of a container that is none succeeded", p)
		}
	}
	return nil
}

// latencies compares what calls take, the decoy's latency real, with the real
// daemon's, in turn.
// The real daemon's figures go to table, as rows of internal/persona/latency.tsv.
func latencies(bin, data, persona string, dm *oracle.Daemon, rounds int, table io.Writer) error {
	d, err := start(bin, data, "--latency", "real", "--host", "empty", "--persona", persona)
	if err != nil {
		return err
	}
	defer d.stop()
	dial := func() (net.Conn, error) { return net.Dial("tcp", d.addr) }
	pull(dial)
	ours := &side{c: client(dial), image: "alpine", took: map[string][]float64{}}
	real := &side{c: client(dialReal(dm)), image: "busy", took: map[string][]float64{}}
	for n := range rounds {
		if err := ours.round(n); err != nil {
			return fmt.Errorf("the decoy: %w", err)
		}
		if err := real.round(n); err != nil {
			return fmt.Errorf("the real daemon: %w", err)
		}
	}
	within := 0
	era, _, _ := strings.Cut(strings.TrimPrefix(persona, "docker-"), ".")
	for _, name := range real.order {
		a, b := ours.took[name], real.took[name]
		ma, mb := median(a), median(b)
		if r := ma / mb; r >= 0.7 && r <= 1.3 {
			within++
		}
		if mb > 0.8 && !strings.HasSuffix(name, "(404)") {
			fmt.Fprintf(table, "%s\t%s\t%.1f\t%.1f\n", era, name, mb, p95(b))
		}
		row(persona+", latency real: p50 of "+name, fmt.Sprintf("%.2f ms, real %.2f ms (p95 %.2f, %.2f), ratio %.2f", ma, mb, p95(a), p95(b), ma/mb), "0.7 to 1.3")
	}
	row(persona+", latency real: calls within 30 %", fmt.Sprintf("%d of %d", within, len(real.order)), "all")
	return nil
}

// p95 of a sorted list.
func p95(l []float64) float64 { return l[len(l)*95/100] }
