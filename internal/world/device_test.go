package world

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
)

// TestNoGPU holds the words of a daemon that has no driver for --gpus.
func TestNoGPU(t *testing.T) {
	f := fixtureOf(t)
	id := f.create("", &container.Config{Image: "alpine", Cmd: []string{"true"}}, &container.HostConfig{Resources: container.Resources{
		DeviceRequests: []container.DeviceRequest{{Count: -1, Capabilities: [][]string{{"gpu"}}}}}})
	err := f.ContainerStart(f.ctx, id, "", "")
	if err == nil || !strings.Contains(err.Error(), `could not select device driver "" with capabilities: [[gpu]]`) {
		t.Error(err)
	}
}
