package kernel

import (
	"strconv"
	"strings"
)

// User is a line of /etc/passwd.
type User struct {
	Name, Passwd string
	UID, GID     uint32
	Gecos        string
	Home, Shell  string
}

// Group is a line of /etc/group.
type Group struct {
	Name    string
	GID     uint32
	Members []string
}

// Users reads the world's /etc/passwd; lines that are none are left out.
func (t *Task) Users() []User {
	b, err := t.ReadFile("/etc/passwd")
	if err != nil {
		return nil
	}
	return ParseUsers(string(b))
}

// ParseUsers reads passwd(5).
func ParseUsers(s string) []User {
	var out []User
	for _, line := range strings.Split(s, "\n") {
		f := strings.Split(line, ":")
		if len(f) < 7 || f[0] == "" {
			continue
		}
		u, err1 := strconv.ParseUint(f[2], 10, 32)
		g, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		out = append(out, User{f[0], f[1], uint32(u), uint32(g), f[4], f[5], f[6]})
	}
	return out
}

// Groups reads /etc/group.
func (t *Task) Groups() []Group {
	b, err := t.ReadFile("/etc/group")
	if err != nil {
		return nil
	}
	return ParseGroups(string(b))
}

// ParseGroups reads group(5).
func ParseGroups(s string) []Group {
	var out []Group
	for _, line := range strings.Split(s, "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 || f[0] == "" {
			continue
		}
		g, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			continue
		}
		gr := Group{Name: f[0], GID: uint32(g)}
		if f[3] != "" {
			gr.Members = strings.Split(f[3], ",")
		}
		out = append(out, gr)
	}
	return out
}

// LookupUser, LookupUID, LookupGroup and LookupGID find an entry.
func (t *Task) LookupUser(name string) (User, bool) {
	for _, u := range t.Users() {
		if u.Name == name {
			return u, true
		}
	}
	return User{}, false
}
func (t *Task) LookupUID(uid uint32) (User, bool) {
	for _, u := range t.Users() {
		if u.UID == uid {
			return u, true
		}
	}
	return User{}, false
}
func (t *Task) LookupGroup(name string) (Group, bool) {
	for _, g := range t.Groups() {
		if g.Name == name {
			return g, true
		}
	}
	return Group{}, false
}
func (t *Task) LookupGID(gid uint32) (Group, bool) {
	for _, g := range t.Groups() {
		if g.GID == gid {
			return g, true
		}
	}
	return Group{}, false
}
