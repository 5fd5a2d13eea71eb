package fidelity

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/whalefall/whalefall/internal/persona"
)

// ask sends one request on a connection of its own and returns the whole answer.
func ask(t *testing.T, d decoy, method, path, body string) (string, string) {
	t.Helper()
	c, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err := exchange(&peer{c, bufio.NewReader(c)}, Step{Req: method + " " + path, Body: body}, nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a.Head, string(a.Body)
}

// TestRunAsClientsDo goes through what `docker run` sends, with the default persona:
// create, no such image, pull, create, attach upgraded, wait, start; the output comes
// over the attached stream, the status from wait.
func TestRunAsClientsDo(t *testing.T) {
	p, err := persona.Get(persona.Default)
	if err != nil {
		t.Fatal(err)
	}
	d := startDecoy(t, p.Name)
	cfg := `{"Image":"alpine","AttachStdout":true,"AttachStderr":true,"Cmd":["/bin/sh","-c","echo in; echo bad >&2; exit 5"],"HostConfig":{"Binds":["/:/mnt"],"NetworkMode":"default","AutoRemove":true}}`
	if h, b := ask(t, d, "POST", "/v1.41/containers/create", cfg); !strings.HasPrefix(h, "HTTP/1.1 404 ") || b != `{"message":"No such image: alpine:latest"}`+"\n" {
		t.Fatalf("%s%s", h, b)
	}
	if _, b := ask(t, d, "POST", "/v1.41/images/create?fromImage=alpine&tag=latest", ""); !strings.Contains(b, `"status":"Status: Downloaded newer image for alpine:latest"`) {
		t.Fatalf("pull said %s", b)
	}
	_, b := ask(t, d, "POST", "/v1.41/containers/create", cfg)
	m := regexp.MustCompile(`^\{"Id":"([0-9a-f]{64})"`).FindStringSubmatch(b)
	if m == nil {
		t.Fatal(b)
	}
	at, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	at.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(at, "POST /v1.41/containers/%s/attach?stderr=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n", m[1])
	r := bufio.NewReader(at)
	var head strings.Builder
	for {
		l, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		head.WriteString(l)
		if l == "\r\n" {
			break
		}
	}
	if head.String() != "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n" {
		t.Errorf("attach: %q", head.String())
	}
	waited := make(chan string, 1)
	go func() {
		c, err := d.Dial(context.Background())
		if err != nil {
			waited <- err.Error()
			return
		}
		defer c.Close()
		a, err := exchange(&peer{c, bufio.NewReader(c)}, Step{Req: "POST /v1.41/containers/" + m[1] + "/wait?condition=removed"}, nil)
		if err != nil {
			waited <- err.Error()
			return
		}
		waited <- string(a.Body)
	}()
	time.Sleep(100 * time.Millisecond)
	if h, b := ask(t, d, "POST", "/v1.41/containers/"+m[1]+"/start", ""); !strings.HasPrefix(h, "HTTP/1.1 204 ") {
		t.Fatalf("start: %s%s", h, b)
	}
	out, _ := io.ReadAll(r)
	if !strings.Contains(string(out), "\x01\x00\x00\x00\x00\x00\x00\x03in\n") || !strings.Contains(string(out), "\x02\x00\x00\x00\x00\x00\x00\x04bad\n") {
		t.Errorf("stream %q", out)
	}
	if got := <-waited; got != `{"Error":null,"StatusCode":5}`+"\n" {
		t.Errorf("wait: %s", got)
	}
	if h, _ := ask(t, d, "GET", "/containers/"+m[1]+"/json", ""); !strings.HasPrefix(h, "HTTP/1.1 404 ") {
		t.Errorf("not removed: %s", h)
	}
}
