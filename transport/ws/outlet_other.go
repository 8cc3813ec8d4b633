//go:build !unix

package ws

import "net"

// outletOf returns the best outlet for a connection.
func outletOf(net.Conn) outlet { return patient{} }
