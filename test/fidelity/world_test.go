package fidelity

import (
	"context"
	"testing"

	"github.com/whalefall/whalefall/internal/engineapi"
	"github.com/whalefall/whalefall/internal/persona"
)

// worldsFor is the world the decoy shows.
func worldsFor(t *testing.T, p *persona.Persona) engineapi.Worlds {
	return oneWorld{&engineapi.Daemon{Containers: noneContainer{}, Images: noneImage{}, Networks: noneNetwork{}, Volumes: noneVolume{}, Swarm: noneSwarm{},
		System: noneSystem{}, Build: noneBuild{}, Plugins: nonePlugin{}, Checkpoints: noneCheckpoint{}, Distribution: noneDistribution{}}}
}

// prepareDecoy gives the decoy the image the scenarios use.
func prepareDecoy(d decoy) error {
	return post(context.Background(), d, "/images/create?fromImage=busybox&tag=latest", nil)
}
