package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// image is what a daemon holds before each client's work.
const image = "busybox:latest"

// reset takes away all that a client left behind, but the one image, so that what the
// next one sees does not hang on the one before.
func reset(ctx context.Context, host string) error {
	do := func(method, path string, into any) error {
		req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		if res.StatusCode >= 400 {
			return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, b)
		}
		if into == nil {
			return nil
		}
		return json.Unmarshal(b, into)
	}
	var boxes []struct{ ID string }
	if err := do("GET", "/containers/json?all=1", &boxes); err != nil {
		return err
	}
	for _, b := range boxes {
		if err := do("DELETE", "/containers/"+b.ID+"?force=1&v=1", nil); err != nil {
			return err
		}
	}
	var images []struct {
		ID       string
		RepoTags []string
	}
	if err := do("GET", "/images/json", &images); err != nil {
		return err
	}
	for _, i := range images {
		names := []string{i.ID}
		for _, t := range i.RepoTags {
			if t != "<none>:<none>" {
				names = append(names, t)
			}
		}
		if strings.Join(names[1:], " ") == image {
			continue
		}
		for k := len(names) - 1; k >= 0; k-- {
			if names[k] != image && (k > 0 || len(names) == 1) {
				_ = do("DELETE", "/images/"+names[k]+"?force=1", nil) // it may be gone with another
			}
		}
	}
	for _, p := range []string{"/networks/prune", "/volumes/prune", "/v1.42/volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D", "/build/prune"} {
		_ = do("POST", p, nil) // not every release knows all of them
	}
	return nil
}
