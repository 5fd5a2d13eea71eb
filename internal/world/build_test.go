package world

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/container"
)

func contextOf(files map[string]string) io.ReadCloser {
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for n, s := range files {
		tw.WriteHeader(&tar.Header{Name: n, Mode: 0o755, Size: int64(len(s))})
		tw.Write([]byte(s))
	}
	tw.Close()
	return io.NopCloser(&b)
}

func TestBuild(t *testing.T) {
	f := fixtureOf(t)
	f.pull("alpine")
	var out bytes.Buffer
	id, err := f.Build(f.ctx, backend.BuildConfig{
		Source: contextOf(map[string]string{"Dockerfile": "FROM alpine AS one\nARG V=x\nENV A=$V B=2\nRUN echo made $A > /made; echo said\nFROM one\nCOPY hi.sh /bin/\nWORKDIR /srv/x\nCMD [\"/bin/hi.sh\"]\n",
			"hi.sh": "#!/bin/sh\necho hi from $A in $PWD; cat /made\n"}),
		ProgressWriter: backend.ProgressWriter{StdoutFormatter: &out, StderrFormatter: &out},
		Options:        &build.ImageBuildOptions{Tags: []string{"mine:1"}, Remove: true}})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"Step 1/8 : FROM alpine AS one\n ---> ", "Step 4/8 : RUN echo made $A > /made; echo said\n ---> Running in ", "said\n", "Removing intermediate container ",
		"Successfully built " + id[7:19] + "\n", "Successfully tagged mine:1\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	c := f.create2("mine:1")
	if err := f.ContainerStart(f.ctx, c, "", ""); err != nil {
		t.Fatal(err)
	}
	f.wait(c)
	if o, e := f.logs(c); o != "hi from x in /srv/x\nmade x\n" {
		t.Errorf("%q %q", o, e)
	}
}

func (f *fixture) create2(img string) string {
	f.t.Helper()
	r, err := f.ContainerCreate(f.ctx, backend.ContainerCreateConfig{Config: &container.Config{Image: img}})
	if err != nil {
		f.t.Fatal(err)
	}
	return r.ID
}

func TestBuildFailures(t *testing.T) {
	for _, tc := range []struct{ name, file, words string }{
		{"no Dockerfile", "", "Cannot locate specified Dockerfile: Dockerfile"},
		{"command fails", "FROM alpine\nRUN exit 4\n", "The command '/bin/sh -c exit 4' returned a non-zero code: 4"},
		{"no FROM", "RUN true\n", "no build stage in current context"},
		{"missing file", "FROM alpine\nCOPY nope /x\n", "COPY failed: file not found in build context or excluded by .dockerignore: stat nope: file does not exist"},
		{"unknown word", "FROM alpine\nFOO bar\n", "dockerfile parse error line 2: unknown instruction: FOO"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := fixtureOf(t)
			f.pull("alpine")
			files := map[string]string{"other": "x"}
			if tc.file != "" {
				files["Dockerfile"] = tc.file
			}
			_, err := f.Build(f.ctx, backend.BuildConfig{Source: contextOf(files), Options: &build.ImageBuildOptions{}})
			if err == nil || err.Error() != tc.words {
				t.Errorf("%v, want %q", err, tc.words)
			}
		})
	}
}
