package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/event"
	"github.com/whalefall/whalefall/internal/journal"
)

func gapOf(p []byte) (uint64, bool) {
	e, err := journal.Decode(p)
	if err != nil {
		return 0, false
	}
	g, ok := e.Data.(*event.Gap)
	if !ok {
		return 0, false
	}
	return g.Lost, true
}

func selftestCommand() *cobra.Command {
	var dataDir string
	c := &cobra.Command{Use: "selftest ADDR", Short: "Play an inert attack on a decoy of yours and show what was recorded", Args: exactArgs(1, "the decoy's host:port"),
		Long: `Asks the version, pulls an image, creates a container that writes a harmless cron
line through a bind of the host's root, starts it and waits: what the worms of the
field do, without anything that could hurt. Only play it on a decoy of your own.`,
		Example: "  whalefall selftest 127.0.0.1:2375",
		RunE: func(cmd *cobra.Command, args []string) error {
			host, port, err := net.SplitHostPort(args[0])
			if err != nil {
				return usageError{withHint(fmt.Errorf("%q is no address", args[0]), "it takes host:port, as 127.0.0.1:2375")}
			}
			if host == "" {
				host = "127.0.0.1"
			}
			out := cmd.OutOrStdout()
			began := time.Now().Add(-time.Second)
			if err := attack(cmd.Context(), net.JoinHostPort(host, port), out); err != nil {
				return err
			}
			time.Sleep(1200 * time.Millisecond) // what was answered is in the store within a second
			d, err := openData(cmd.Context(), dataDir)
			if err != nil {
				fmt.Fprintln(out, "\nno data directory here to show the record of; look on the decoy's machine with `whalefall session ls`")
				return nil
			}
			defer d.Close()
			l, err := d.store.Sessions(cmd.Context(), storeSince(began))
			if err != nil {
				return err
			}
			if len(l) == 0 {
				return withHint(fmt.Errorf("the attack was answered, but nothing is on record in %s", dataDir), "name the decoy's data directory with --data DIR")
			}
			s := l[len(l)-1]
			evs, err := d.store.Events(cmd.Context(), s.ID)
			if err != nil {
				return err
			}
			fmt.Fprintln(out)
			return tell(out, document(s, evs))
		}}
	dataFlag(c, &dataDir)
	return c
}

// attack plays the inert attack and prints each answer.
func attack(ctx context.Context, addr string, out io.Writer) error {
	d := &net.Dialer{Timeout: 5 * time.Second}
	client := &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{DialContext: d.DialContext}}
	call := func(method, path, body string) (int, []byte, error) {
		var r io.Reader
		if body != "" {
			r = strings.NewReader(body)
		}
		req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, r)
		if err != nil {
			return 0, nil, err
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		req.Header.Set("User-Agent", "Docker-Client/20.10.8 (linux)")
		resp, err := client.Do(req)
		if err != nil {
			return 0, nil, withHint(fmt.Errorf("%s %s: %w", method, path, err), "does a decoy listen there?")
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
		fmt.Fprintf(out, "%3d  %-6s %s\n", resp.StatusCode, method, printable(path))
		return resp.StatusCode, b, err
	}
	_, b, err := call("GET", "/version", "")
	if err != nil {
		return err
	}
	var v struct{ Version string }
	if json.Unmarshal(b, &v) != nil || v.Version == "" {
		return fmt.Errorf("what listens on %s is no Docker daemon", addr)
	}
	if _, _, err := call("POST", "/v1.24/images/create?fromImage=alpine&tag=latest", ""); err != nil {
		return err
	}
	line := "* * * * * root echo whalefall selftest >/dev/null # http://selftest.invalid/inert.sh"
	create, err := json.Marshal(map[string]any{"Image": "alpine", "Cmd": []string{"chroot", "/mnt", "sh", "-c", "id -u; echo '" + line + "' >> /etc/crontab; tail -1 /etc/crontab"},
		"HostConfig": map[string]any{"Binds": []string{"/:/mnt"}}})
	if err != nil {
		return err
	}
	code, b, err := call("POST", "/v1.24/containers/create", string(create))
	if err != nil {
		return err
	}
	if code != http.StatusCreated {
		fmt.Fprintf(out, "     refused: %s\n", printable(strings.TrimSpace(string(b))))
		return nil
	}
	var c struct{ ID string }
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("the answer to create: %w", err)
	}
	id := url.PathEscape(c.ID)
	if _, _, err := call("POST", "/v1.24/containers/"+id+"/start", ""); err != nil {
		return err
	}
	if _, _, err := call("POST", "/v1.24/containers/"+id+"/wait", ""); err != nil {
		return err
	}
	_, b, err = call("GET", "/v1.24/containers/"+id+"/logs?stdout=1&stderr=1", "")
	if err != nil {
		return err
	}
	sc := bufio.NewScanner(bytes.NewReader(demux(b)))
	for sc.Scan() {
		fmt.Fprintf(out, "     > %s\n", printable(sc.Text()))
	}
	_, _, err = call("DELETE", "/v1.24/containers/"+id, "")
	return err
}
