package fidelity

import (
	"context"

	"github.com/whalefall/whalefall/test/oracle"
)

func setUpReal(ctx context.Context, d *oracle.Daemon, vars map[string]string) error { return nil }

func importReal(ctx context.Context, d *oracle.Daemon) error { return nil }
