package chat

import (
	"context"
	"time"
)

// Node is a [Hub] over a [Store].
type Node struct{}

// New begins a node.
func New(o *Options) (*Node, error) { panic("") }

// Shutdown ends the node.
func (n *Node) Shutdown(ctx context.Context) error { panic("") }

// PendingCall is a command on its way.
type PendingCall struct {
	ID      string        // of the call
	Timeout time.Duration // until its outcome is known at the latest
}

// Wait waits for the outcome.
func (c *PendingCall) Wait(ctx context.Context) (Outcome, error) { panic("") }

// NewID returns 22 characters of 128 random bits, for idempotency keys.
func NewID() string { panic("") }

// AsError maps an error to what crosses the wire.
func AsError(err error) *Error { panic("") }
