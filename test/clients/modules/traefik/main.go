// A piece of work with traefik's docker provider: the routes that it makes of the
// containers it finds, first of those that are there, then of what it is told of.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	ptypes "github.com/traefik/paerser/types"
	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/provider/docker"
	"github.com/traefik/traefik/v3/pkg/safe"
)

func main() {
	p := &docker.Provider{}
	p.SetDefaults()
	p.Endpoint = os.Getenv("DOCKER_HOST")
	p.HTTPClientTimeout = ptypes.Duration(0)
	if err := p.Init(); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	pool := safe.NewPool(ctx)
	defer pool.Stop()
	ch := make(chan dynamic.Message, 10)
	if err := p.Provide(ch, pool); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	// The first is of what runs; os.Args[1] waits for one more, of what happened since.
	for i := 0; i < len(os.Args); i++ {
		select {
		case m := <-ch:
			b, err := json.MarshalIndent(m.Configuration, "", " ")
			if err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			fmt.Println("==", m.ProviderName, i)
			fmt.Println(string(b))
		case <-time.After(5 * time.Second):
			fmt.Println("error: no configuration")
			os.Exit(1)
		}
	}
}
