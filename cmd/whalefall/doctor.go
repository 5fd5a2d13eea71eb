package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/whalefall/whalefall/internal/confine"
	"github.com/whalefall/whalefall/internal/journal"
	"github.com/whalefall/whalefall/internal/sensor"
	"github.com/whalefall/whalefall/internal/store"
	"github.com/whalefall/whalefall/internal/store/sqlite"
	"github.com/whalefall/whalefall/internal/supervise"
)

// check is one thing that doctor looked at.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

type gaps struct {
	Records uint64 `json:"records"`
	Lost    uint64 `json:"lost"`
}

type diagnosis struct {
	Serving     bool            `json:"serving"`
	Listeners   []string        `json:"listeners"`
	Confinement []confine.Layer `json:"confinement"`
	Gaps        gaps            `json:"gaps"`
	JournalLag  uint64          `json:"journal_lag_events"`
	Checks      []check         `json:"checks"`
}

func doctorCommand() *cobra.Command {
	var o outputFlags
	c := &cobra.Command{Use: "doctor", Short: "Look whether all is well, and say what is not", Args: exactArgs(0, "no argument"),
		Example: "  whalefall doctor\n  whalefall doctor --format json | jq .gaps",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			dg := diagnose(cmd.Context(), dirs{o.data})
			w := cmd.OutOrStdout()
			if o.format == "json" {
				if err := jsonLine(w, dg); err != nil {
					return err
				}
			} else {
				for _, c := range dg.Checks {
					mark := "ok  "
					if !c.OK {
						mark = "WARN"
					}
					fmt.Fprintf(w, "%s  %-14s %s\n", mark, c.Name, printable(c.Detail))
					if c.Hint != "" && !c.OK {
						fmt.Fprintf(w, "      hint: %s\n", c.Hint)
					}
				}
			}
			for _, c := range dg.Checks {
				if !c.OK {
					return exitError(1)
				}
			}
			return nil
		}}
	o.add(c)
	return c
}

// controlClient speaks HTTP over the control socket.
func controlClient(d dirs) *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var nd net.Dialer
		return nd.DialContext(ctx, "unix", d.control())
	}}}
}

// sensorStatus asks a running serve for the sensor's last status.
func sensorStatus(ctx context.Context, d dirs) (sensor.Status, time.Time, error) {
	var st sensor.Status
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://control/status", nil)
	if err != nil {
		return st, time.Time{}, err
	}
	resp, err := controlClient(d).Do(req)
	if err != nil {
		return st, time.Time{}, err
	}
	defer resp.Body.Close()
	var body struct {
		Sensor json.RawMessage `json:"sensor"`
		At     time.Time       `json:"at"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&body); err != nil {
		return st, time.Time{}, err
	}
	if len(body.Sensor) > 0 && !bytes.Equal(body.Sensor, []byte("null")) {
		if err := json.Unmarshal(body.Sensor, &st); err != nil {
			return st, body.At, err
		}
	}
	return st, body.At, nil
}

func diagnose(ctx context.Context, d dirs) diagnosis {
	dg := diagnosis{Listeners: []string{}, Confinement: []confine.Layer{}}
	add := func(name string, ok bool, detail, hint string) {
		dg.Checks = append(dg.Checks, check{name, ok, detail, hint})
	}
	if _, err := os.Stat(d.operator()); err != nil {
		add("data", false, d.root+" is no data directory", "run `whalefall serve` first, or name one with --data DIR")
		return dg
	}
	if err := d.check(); err != nil {
		add("data", false, err.Error(), "")
		return dg
	}
	add("data", true, d.root, "")
	if fi, err := os.Stat(d.operator()); err == nil && fi.Mode().Perm()&0o077 != 0 {
		add("rights", false, fmt.Sprintf("%s has mode %o", d.operator(), fi.Mode().Perm()), "chmod 700 "+d.operator())
	} else {
		add("rights", true, "the operator's part is closed to others", "")
	}
	lock, err := supervise.Lock(ctx, d.lock(), 0)
	if err == nil {
		_ = lock.Close() // only to see that it is free
		add("serving", true, "nobody serves this directory now", "")
	} else if errors.Is(err, supervise.ErrLocked) {
		dg.Serving = true
		st, at, err := sensorStatus(ctx, d)
		switch {
		case err != nil:
			add("serving", false, "serve runs, but its control socket does not answer: "+err.Error(), "")
		case time.Since(at) > 5*time.Second:
			add("serving", false, "the sensor has been silent for "+time.Since(at).Round(time.Second).String(), "look at serve's log")
		default:
			dg.Listeners, dg.Confinement = st.Listeners, st.Layers
			add("serving", true, fmt.Sprintf("sensor %d since %s, %d connections, %d worlds", st.PID, stamp(st.Started), st.Conns, st.Worlds), "")
			add("listeners", len(st.Listeners) > 0, strings.Join(st.Listeners, " "), "")
			for _, l := range st.Layers {
				add("confine:"+l.Name, l.InForce, l.Detail, "start serve as root, or in a container that allows it")
			}
			dg.Gaps = gaps{st.Journal.GapRecords, st.Journal.GapLost}
			add("gaps", st.Journal.GapLost == 0, fmt.Sprintf("%d gap records, %d events lost", st.Journal.GapRecords, st.Journal.GapLost), "the disk failed or was full; what is lost is on record")
			add("journal", st.Journal.WriteError == "", fmt.Sprintf("%d events, %s, %d waiting %s", st.Journal.Written, size(st.Journal.Bytes), st.Journal.Queued, st.Journal.WriteError), "is the disk full or failing?")
			if s, err := sqlite.Open(ctx, d.store()); err == nil {
				if pos, err := s.Position(ctx, store.Sensor); err == nil && pos < st.Journal.Written {
					dg.JournalLag = st.Journal.Written - pos
				}
				_ = s.Close() // only read
			}
			add("lag", dg.JournalLag < 10000, fmt.Sprintf("%d events not yet in the store", dg.JournalLag), "")
		}
	} else {
		add("serving", false, err.Error(), "")
	}
	if !dg.Serving {
		dg.Gaps = countGaps(d)
		add("gaps", dg.Gaps.Lost == 0, fmt.Sprintf("%d gap records, %d events lost", dg.Gaps.Records, dg.Gaps.Lost), "")
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(d.root, &fs); err == nil {
		free := int64(fs.Bavail) * fs.Bsize
		add("disk", free > defaultFloor, size(free)+" free", "below the floor the oldest artifacts go")
	}
	if fi, err := os.Stat(d.format()); err == nil && fi.ModTime().After(time.Now().Add(time.Minute)) {
		add("clock", false, "the clock stands before this directory was made", "set the clock, and have it kept by NTP")
	} else if time.Now().Year() < 2025 {
		add("clock", false, "the clock shows "+time.Now().UTC().Format(time.RFC3339), "set the clock, and have it kept by NTP")
	} else {
		add("clock", true, time.Now().UTC().Format(time.RFC3339), "")
	}
	// A real Docker beside the decoy is a risk worth a word.
	if c, err := (&net.Dialer{Timeout: 200 * time.Millisecond}).DialContext(ctx, "unix", "/var/run/docker.sock"); err == nil {
		_ = c.Close() // only to see that it answers
		add("real docker", false, "a real Docker answers on /var/run/docker.sock of this machine", "a decoy is safest on a machine of its own")
	} else {
		add("real docker", true, "none can be reached on this machine", "")
	}
	return dg
}

// countGaps sums the gap records of a journal that is at rest.
func countGaps(d dirs) gaps {
	var g gaps
	r := journal.NewReader(d.journal(), 0)
	defer r.Close()
	for {
		_, p, err := r.Next()
		if err != nil {
			return g
		}
		if !bytes.Contains(p, []byte(`"kind":"gap"`)) {
			continue
		}
		if n, ok := gapOf(p); ok {
			g.Records++
			g.Lost += n
		}
	}
}
