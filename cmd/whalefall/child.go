package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/whalefall/whalefall/internal/operator"
	"github.com/whalefall/whalefall/internal/sensor"
	"github.com/whalefall/whalefall/internal/store/sqlite"
	"github.com/whalefall/whalefall/internal/supervise"
)

// The children's names on the command line. They are no commands: only serve
// starts them, with what they inherit.
const (
	sensorChild   = "_sensor"
	operatorChild = "_operator"
)

// operatorConfig is what serve tells the operator side.
type operatorConfig struct {
	Data      string        `json:"data"`
	Parent    int           `json:"parent"`
	Log       logConfig     `json:"log"`
	Silence   time.Duration `json:"silence"`
	Sinks     []sinkConfig  `json:"sinks"`
	Listeners []string      `json:"listeners"`
	Redact    redactConfig  `json:"redact"`
	Addresses []string      `json:"addresses"` // the interfaces', to redact
	Path      string        `json:"path"`      // the configuration file, for a reload
}

// child is a child's main. The thread is locked for good: its death signal and
// its parent's are bound to threads.
func child(name string) int {
	runtime.LockOSThread()
	refuseDefaultTransport()
	conf := os.NewFile(3, "config")
	life := os.NewFile(4, "life")
	pair := os.NewFile(5, "pair")
	b, err := io.ReadAll(io.LimitReader(conf, 16<<20))
	_ = conf.Close() // read to its end
	if err != nil || len(b) == 0 {
		fmt.Fprintf(os.Stderr, "whalefall: %s is started by `whalefall serve` alone\n", name)
		return 2
	}
	if name == sensorChild {
		var c sensor.Config
		if err := json.Unmarshal(b, &c); err != nil {
			fmt.Fprintf(os.Stderr, "whalefall: the sensor's configuration: %v\n", err)
			return supervise.ExitConfig
		}
		files := sensor.Files{Life: life, Pair: pair, Queue: os.NewFile(6, "queue")}
		for i := range c.Listeners {
			files.Listeners = append(files.Listeners, os.NewFile(uintptr(7+i), "listener"))
		}
		log, _ := newLogger(logConfig{}) // the default is valid
		if err := sensor.Run(c, files, log); err != nil {
			fmt.Fprintf(os.Stderr, "whalefall: sensor: %v\n", err)
			return 1
		}
		return 0
	}
	var c operatorConfig
	if err := json.Unmarshal(b, &c); err != nil {
		fmt.Fprintf(os.Stderr, "whalefall: the operator side's configuration: %v\n", err)
		return supervise.ExitConfig
	}
	if err := runOperator(c, life, pair); err != nil {
		fmt.Fprintf(os.Stderr, "whalefall: operator side: %v\n", err)
		var lasting lastingError
		if errors.As(err, &lasting) {
			return supervise.ExitConfig
		}
		return 1
	}
	return 0
}

// lastingError is a fault at the start that no second try mends.
type lastingError struct{ error }

func (e lastingError) Unwrap() error { return e.error }

// lasting marks a fault as one that stays, unless it is the disk's.
func lasting(err error) error {
	if sqlite.MayPass(err) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EIO) {
		return err
	}
	return lastingError{err}
}

func runOperator(c operatorConfig, life, pair *os.File) error {
	log, err := newLogger(c.Log)
	if err != nil {
		return err
	}
	// Who faces attackers comes first: answers must not wait for bookkeeping.
	// Priorities belong to threads; those that come later inherit.
	tasks, _ := os.ReadDir("/proc/self/task") // without /proc it runs at the sensor's priority
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, 15)
		}
	}
	d := dirs{c.Data}
	st, err := sqlite.Open(context.Background(), d.store())
	if err != nil {
		return lasting(err)
	}
	defer st.Close()
	cfg := operator.Config{Parent: c.Parent, Store: st, Projector: projector(d, st), Log: log}
	cfg.Projector.Gap = c.Silence
	for i, name := range c.Listeners {
		f := os.NewFile(uintptr(6+i), name)
		ln, err := net.FileListener(f)
		_ = f.Close() // ln holds a copy
		if err != nil {
			return fmt.Errorf("take over the %s listener: %w", name, err)
		}
		if name == "web" {
			cfg.Web = ln
		} else {
			cfg.Control = ln
		}
	}
	sinks, err := openSinks(c, d, log)
	if err != nil {
		return lasting(err)
	}
	defer sinks.Close()
	cfg.Applied = sinks.Applied
	cfg.Import = operatorImport(d)
	if c.Path != "" {
		cfg.Reload = func() (string, error) {
			n, err := loadConfig(c.Path)
			if err != nil {
				return "", err
			}
			c.Sinks, c.Redact = n.Sinks, n.Redact
			if err := sinks.replace(c); err != nil {
				return "", err
			}
			rules, err := refuseRules(n.Refuse)
			if err != nil {
				return "", err
			}
			b, err := json.Marshal(sensor.Reload{Refuse: rules})
			return string(b), err
		}
	}
	return operator.Run(cfg, life, pair)
}
