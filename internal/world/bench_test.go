package world

import (
	"context"
	"testing"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"

	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

// BenchmarkRun is docker run of a program that does nothing, removal included.
func BenchmarkRun(b *testing.B) {
	h, err := NewHost(Config{Secret: make([]byte, 32), Clock: kerneltest.Real{}, Programs: programs(), Kind: "empty", Provider: "ovh"})
	if err != nil {
		b.Fatal(err)
	}
	m := NewManager(h, ManagerConfig{})
	defer m.Close(context.Background())
	w := m.Base()
	res := h.catalog.Resolve(mustRef("alpine"))
	w.images.Add(res.Image)
	w.images.Tag(mustRef("alpine"), res.Image.ID, w.now())
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		r, err := w.ContainerCreate(ctx, backend.ContainerCreateConfig{Config: &container.Config{Image: "alpine", Cmd: []string{"true"}}, HostConfig: &container.HostConfig{AutoRemove: true}})
		if err != nil {
			b.Fatal(err)
		}
		ch, err := w.ContainerWait(ctx, r.ID, container.WaitConditionRemoved)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.ContainerStart(ctx, r.ID, "", ""); err != nil {
			b.Fatal(err)
		}
		<-ch
	}
}

// BenchmarkWorld makes and ends a lived-in world.
func BenchmarkWorld(b *testing.B) {
	h, err := NewHost(Config{Secret: make([]byte, 32), Clock: kerneltest.Real{}, Programs: programs(), Provider: "ovh"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := newWorld(h, "bench", Caller{}.Source, false)
		if err := w.Stop(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
