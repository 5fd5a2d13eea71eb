package world

import (
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
)

// kindError is an error of one of errdefs' kinds whose text is the daemon's
// alone: wrapping with %w would append the kind's own words.
type kindError struct {
	kind error
	text string
	err  error
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() []error {
	if e.err != nil {
		return []error{e.kind, e.err}
	}
	return []error{e.kind}
}

func kind(k error, text string) error { return &kindError{kind: k, text: text} }

func wrapKind(k error, err error) error {
	if err == nil {
		return nil
	}
	return &kindError{kind: k, text: err.Error(), err: err}
}

func notFound(format string, a ...any) error {
	return kind(errdefs.ErrNotFound, fmt.Sprintf(format, a...))
}
func conflict(format string, a ...any) error {
	return kind(errdefs.ErrConflict, fmt.Sprintf(format, a...))
}
func invalid(format string, a ...any) error {
	return kind(errdefs.ErrInvalidArgument, fmt.Sprintf(format, a...))
}
func forbidden(format string, a ...any) error {
	return kind(errdefs.ErrPermissionDenied, fmt.Sprintf(format, a...))
}
func systemErr(format string, a ...any) error {
	return kind(errdefs.ErrInternal, fmt.Sprintf(format, a...))
}
func unknownErr(format string, a ...any) error {
	return kind(errdefs.ErrUnknown, fmt.Sprintf(format, a...))
}
func unavailable(format string, a ...any) error {
	return kind(errdefs.ErrUnavailable, fmt.Sprintf(format, a...))
}
func notImplemented(format string, a ...any) error {
	return kind(errdefs.ErrNotImplemented, fmt.Sprintf(format, a...))
}

func unauthorized(format string, a ...any) error {
	return kind(errdefs.ErrUnauthenticated, fmt.Sprintf(format, a...))
}

func notModified(format string, a ...any) error {
	return kind(errdefs.ErrNotModified, fmt.Sprintf(format, a...))
}

// notRunningError is the daemon's containerNotRunningError.
type notRunningError struct{ id string }

func (e *notRunningError) Error() string { return "container " + e.id + " is not running" }
func (e *notRunningError) Unwrap() error { return errdefs.ErrConflict }

func errNotRunning(id string) error { return &notRunningError{id} }

func isNotRunning(err error) bool {
	var e *notRunningError
	return errors.As(err, &e)
}

func errNoContainer(ref string) error { return notFound("No such container: %s", ref) }
func errNoExec(id string) error       { return notFound("No such exec instance: %s", id) }
func errRestarting(id string) error {
	return conflict("Container %s is restarting, wait until the container is running", id)
}
func errExecPaused(id string) error {
	return conflict("Container %s is paused, unpause the container before exec", id)
}
func errAlreadyPaused(id string) error { return conflict("Container %s is already paused", id) }
