//go:build unix

package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

const supported = true

// The ways to end a server, see the manual of postgres.
const (
	fast      = syscall.SIGINT
	immediate = syscall.SIGQUIT
)

// unprivileged returns who runs the server when this process is root's, which
// PostgreSQL refuses to be.
func unprivileged() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}
}

// drop has cmd run without privileges, and in a process group of its own: what
// the terminal tells the tests is not for the server.
func drop(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: unprivileged()}
}

// serverDir makes a directory that the server's user owns and can reach. Its
// name is short, as that of a socket has to be.
func serverDir() (string, error) {
	parent := os.TempDir()
	if unprivileged() != nil {
		parent = "/tmp" // another one may be root's alone
	}
	dir, err := os.MkdirTemp(parent, "pgtest-")
	if err != nil {
		return "", err
	}
	return dir, give(dir)
}

// give makes the server's user the owner of a file.
func give(path string) error {
	if u := unprivileged(); u != nil {
		return os.Chown(path, int(u.Uid), int(u.Gid))
	}
	return nil
}
