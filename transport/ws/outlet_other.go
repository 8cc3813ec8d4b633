//go:build !unix

package ws

import "net"

// socket is of no use here: there is no such write.
type socket struct{ patient }

// init reports whether nc is one.
func (*socket) init(net.Conn) bool { return false }
