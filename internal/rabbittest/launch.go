package rabbittest

import (
	"errors"
	"fmt"
)

// Launch is [Start] for programs: what it starts ends with Close, or with the
// process, however that ends. [Node.Down], [Node.Up] and [Node.Block] do to it
// what methods that take a test do to one of a test.
func Launch() (*Node, error) { return start() }

// Close ends the server and removes its files. It is for what Launch started.
func (n *Node) Close() error {
	n.end()
	return nil
}

// URL is how to connect, password included, to a virtual host that is always
// there.
func (n *Node) URL() string { return n.url(n.user, n.password, "") }

// Down ends the server and waits until it has ended: in order, or as kill −9 does.
func (n *Node) Down(hard bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if hard {
		return n.halt(kill)
	}
	return n.halt(stop)
}

// Up starts a server that is down, with what it has kept, and returns when it is
// ready.
func (n *Node) Up() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server != nil {
		return nil
	}
	return n.serve()
}

// Block raises the memory alarm, or ends it, see [Node.Alarm].
func (n *Node) Block(on bool) error {
	limit := watermark
	if on {
		limit = "1.0e-9"
	}
	_, set := n.eval(fmt.Sprintf(`vm_memory_monitor:set_vm_memory_high_watermark(%s)`, limit))
	_, is := n.eval(fmt.Sprintf(`%v = lists:any(fun({{resource_limit, memory, _}, _}) -> true; (_) -> false end, rabbit_alarm:get_alarms())`, on))
	return errors.Join(set, is)
}
