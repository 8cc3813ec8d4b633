//go:build !linux

package ws

// canWait: sockets can be waited for without reading.
const canWait = false

func (*socket) wait() error              { return nil }
func (*socket) read([]byte) (int, error) { return 0, errLater }

func (*socket) ready(uintptr) bool { return true }

type poller struct{}

func newPoller() *poller { return nil }

func (*poller) add(*conn) bool { return false }
func (*poller) arm(*conn)      {}
func (*poller) remove(*conn)   {}
