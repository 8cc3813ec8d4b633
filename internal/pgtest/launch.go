package pgtest

import (
	"fmt"
	"path/filepath"
)

// Launch starts a server for a program that is no test. It ends with Close, or
// with the process, however that ends. [Cluster.Down] and [Cluster.Up] do to it
// what methods that take a test do to one of a test.
func Launch() (*Cluster, error) { return start() }

// Close ends the server and removes its files. It is for what Launch started.
func (c *Cluster) Close() error {
	c.end()
	return nil
}

// URL is how to connect, password included, to a database that is always there.
func (c *Cluster) URL() string { return c.url }

// Dir is where the server keeps its data.
func (c *Cluster) Dir() string { return c.data }

// Down ends the server and waits until it has ended: its clients are cut off. If
// hard, there is no checkpoint, as after a crash.
func (c *Cluster) Down(hard bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if hard {
		return c.halt(immediate)
	}
	return c.halt(fast)
}

// Up starts a server that is down, at the same address, and returns when it
// answers.
func (c *Cluster) Up() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return nil
	}
	return c.serve()
}

// Save copies all data of a server that is down, and Restore puts the copy back:
// so a server comes up again as it was at the time of Save.
func (c *Cluster) Save() error { return c.copyData(c.data, filepath.Join(c.dir, "saved")) }

// Restore is described at Save.
func (c *Cluster) Restore() error { return c.copyData(filepath.Join(c.dir, "saved"), c.data) }

func (c *Cluster) copyData(from, to string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return fmt.Errorf("the server of %s runs", c.data)
	}
	cmd := c.command("postgres")
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `rm -rf "$2" && cp -a "$1" "$2"`, "sh", from, to}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}
