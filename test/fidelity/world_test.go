package fidelity

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// prepareDecoy gives the decoy the image the scenarios use.
func prepareDecoy(d decoy) error {
	return post(context.Background(), d, "/images/create?fromImage=busybox&tag=latest", nil)
}

// importDecoy gives the decoy the image as importReal gives it to a real daemon: an
// archive, here of the catalogue's own busybox, with the same configuration.
func importDecoy(d decoy) error {
	ctx := context.Background()
	if err := prepareDecoy(d); err != nil {
		return err
	}
	ask := func(method, path, body string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, method, "http://decoy"+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := client(d).Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode >= 400 {
			err = fmt.Errorf("%s %s: %s %s", method, path, res.Status, b)
		}
		return b, err
	}
	if _, err := ask("POST", "/containers/create?name=source", `{"Image":"busybox"}`); err != nil {
		return err
	}
	layer, err := ask("GET", "/containers/source/export", "")
	if err != nil {
		return err
	}
	for _, p := range []string{"/containers/source", "/images/busybox"} {
		if _, err := ask("DELETE", p, ""); err != nil {
			return err
		}
	}
	return post(ctx, d, busyboxImport, bytes.NewReader(layer))
}
