package engineapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/docker/docker/api/server/httputils"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/registry"
)

// This file is 26.1's dialect where it differs from 28.5.2. Seen on 26.1.5.

var words26 = []rewording{
	say("POST /containers/create", `^invalid network mode: `, "Invalid network mode: ", 0),
	say("POST /containers/create", `^invalid isolation \((.*)\): linux only supports 'default'$`, `Invalid isolation: "$1" - linux only supports 'default'`, 500),
}

// fronts26 are 26.1's own checks before Docker's handlers.
var fronts26 = map[string]front{
	"POST /containers/create":           create26,
	"POST /containers/{name:.*}/resize": resize20,
	"POST /exec/{name:.*}/resize":       resize20,
	"POST /images/{name:.*}/push":       push26,
	"GET /images/{name:.*}/json":        imageJSON26,
}

// create26 honours the host configuration's keys at the top, as 20.10 does, and
// words its decoder's errors by the wrapper's name.
func create26(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	if err := httputils.CheckForJSON(r); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxJSON))
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(b)) == 0 {
		setBody(r, nil)
		return next(ctx, w, r, c.vars)
	}
	var cw createWrapper
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&cw); err != nil {
		return errInvalid("invalid JSON: " + strings.NewReplacer("engineapi.createWrapper", "runconfig.ContainerConfigWrapper", "createWrapper", "ContainerConfigWrapper").Replace(err.Error()))
	}
	if dec.More() {
		return errInvalid("unexpected content after JSON")
	}
	if b, err = json.Marshal(container.CreateRequest{Config: cw.Config, HostConfig: cw.hostConfig(), NetworkingConfig: cw.NetworkingConfig}); err != nil {
		return err
	}
	if cw.Config == nil {
		b = []byte("{}")
	}
	setBody(r, b)
	return next(ctx, w, r, c.vars)
}

// push26 wants credentials in the header, or else in the body.
func push26(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if r.Header.Get(registry.AuthHeader) == "" {
		var v registry.AuthConfig
		if err := firstJSON(r, &v); err != nil {
			return errInvalid("bad parameters and missing X-Registry-Auth: invalid X-Registry-Auth header: " + err.Error())
		}
	}
	return next(ctx, w, r, c.vars)
}

func imageJSON26(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	return next(ctx, oldConfig(c, w), r, c.vars)
}
