package rabbittest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

// find returns the paths of the server's script and of epmd. Debian has in the
// PATH a link to a wrapper for its service; the script itself lies where that
// link points.
func find() (script, epmd string, err error) {
	var dirs []string
	if p, err := exec.LookPath("rabbitmq-server"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	dirs = append(dirs, "/usr/lib/rabbitmq/bin", "/opt/homebrew/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin")
	for _, dir := range dirs {
		if p := filepath.Join(dir, "rabbitmq-server"); program(p) {
			if epmd, err = findEpmd(); err != nil {
				return "", "", err
			}
			return p, epmd, nil
		}
	}
	return "", "", errors.New("neither in PATH nor in /usr/lib/rabbitmq")
}

// findEpmd finds Erlang's port mapper: in the PATH, else beside Erlang.
func findEpmd() (string, error) {
	if p, err := exec.LookPath("epmd"); err == nil {
		return p, nil
	}
	erl, err := exec.LookPath("erl")
	if err != nil {
		return "", err
	}
	if erl, err = filepath.EvalSymlinks(erl); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(erl), "..", "erts-*", "bin", "epmd"))
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("epmd is neither in PATH nor beside erl"), err)
	}
	return found[0], nil
}

func program(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
