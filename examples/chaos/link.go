package main

import (
	"time"

	"github.com/carlware/gochat/internal/faultproxy"
)

// link is a connection that faults can befall, between what stands at its two
// ends.
type link struct {
	*faultproxy.Proxy
	label string
}

func (l *link) cut()      { l.Cut() }
func (l *link) refuse()   { l.Refuse() }
func (l *link) stall()    { l.Stall() }
func (l *link) halfOpen() { l.HalfOpen() }
func (l *link) slow()     { l.Delay(150 * time.Millisecond) }
