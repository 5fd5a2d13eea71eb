// A piece of work with telegraf's docker reader: a gathering of the daemon and of the
// containers that run, as the metrics that it would send. Numbers that move are not
// printed, that they are there is.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/logger"
	"github.com/influxdata/telegraf/plugins/inputs"
	"github.com/influxdata/telegraf/plugins/inputs/docker"
)

// printer keeps what is gathered as lines.
type printer struct {
	telegraf.Accumulator // what is not called
	mu                   sync.Mutex
	lines                []string
}

// steady are fields whose value the daemon decides, not the machine.
var steady = map[string]bool{"n_containers": true, "n_containers_running": true, "n_containers_stopped": true, "n_containers_paused": true, "n_images": true, "exitcode": true, "oomkilled": true,
	"health_status": true, "failing_streak": true, "limit": true, "restart_count": true}

// memory are the fields of memory that the daemon gives; the others are the lines of
// memory.stat, which the host's control groups name by their version.
var memory = map[string]bool{"limit": true, "usage": true, "usage_percent": true, "container_id": true}

func (p *printer) AddFields(name string, fields map[string]any, tags map[string]string, _ ...time.Time) {
	if tags["cpu"] != "" && tags["cpu"] != "cpu-total" {
		return // which of them there are is the version of the host's control groups
	}
	var fs, ts []string
	for k, v := range fields {
		if name == "docker_container_mem" && !memory[k] {
			continue
		}
		if steady[k] {
			fs = append(fs, fmt.Sprintf("%s=%v", k, v))
		} else {
			fs = append(fs, fmt.Sprintf("%s=%T", k, v))
		}
	}
	for k, v := range tags {
		ts = append(ts, k+"="+v)
	}
	sort.Strings(fs)
	sort.Strings(ts)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, name+" "+strings.Join(ts, ",")+"\n  "+strings.Join(fs, "\n  "))
}

func (p *printer) AddError(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, "error "+err.Error())
}

func main() {
	d := inputs.Inputs["docker"]().(*docker.Docker)
	d.Endpoint = os.Getenv("DOCKER_HOST") // and not "ENV", which agrees on no version
	d.TotalInclude = []string{"cpu", "blkio", "network"}
	d.PerDeviceInclude = []string{"cpu", "network"}
	d.ContainerStateInclude = []string{"running", "exited", "paused"}
	d.StorageObjects = []string{"container", "image", "volume"}
	d.TagEnvironment = []string{"A"}
	d.Log = logger.New("inputs", "docker", "")
	p := &printer{}
	for _, f := range []func() error{d.Init, func() error { return d.Start(p) }, func() error { return d.Gather(p) }} {
		if err := f(); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	d.Stop()
	sort.Strings(p.lines)
	last := ""
	for _, l := range p.lines {
		if name, _, _ := strings.Cut(l, " "); name != last {
			fmt.Println("==", name)
			last = name
		}
		fmt.Println(l)
	}
}
