package chattest

import (
	"testing"
	"time"

	"github.com/carlware/gochat/chat"
)

// features are what a store promises and which of the optional parts it has.
type features struct {
	StoreOptions
	isRevoker bool
	isTrimmer bool
}

// featuresOf opens a store to look at it.
func featuresOf(t *testing.T, open StoreOpener, o *StoreOptions) *features {
	t.Helper()
	f := &features{}
	if o != nil {
		f.StoreOptions = *o
	}
	var now func() time.Time
	if f.Clock {
		now = newClock().Now
	}
	s, err := open(now)
	if err != nil {
		t.Fatalf("the store does not open: %v", err)
	}
	_, f.isRevoker = s.(chat.Revoker)
	_, f.isTrimmer = s.(chat.Trimmer)
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return f
}

// check fails the test when a promised part is missing.
func (f *features) check(t *testing.T) {
	if f.Revoker && !f.isRevoker {
		t.Errorf("the store has no Revoke and Revocations: it was promised to be a chat.Revoker")
	}
	if f.Trimmer && !f.isTrimmer {
		t.Errorf("the store has no Trim and Trimmable: it was promised to be a chat.Trimmer")
	}
}

func persistent(f *features) bool { return f.Persistent }
func shared(f *features) bool     { return f.Shared }
func clocked(f *features) bool    { return f.Clock }
func revoker(f *features) bool    { return f.isRevoker }
func trimmer(f *features) bool    { return f.isTrimmer }

func clockedPersistent(f *features) bool { return f.Clock && f.Persistent }
func clockedShared(f *features) bool     { return f.Clock && f.Shared }
