//go:build !unix

package sqlite

// syncDir does nothing: only on Unix a directory is a file that can be synced.
func syncDir(string) error { return nil }
