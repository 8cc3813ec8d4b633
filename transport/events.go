package transport

import "context"

// EventBus carries events to every node of one store, at most once.
type EventBus interface {
	// Publish sends body to all subscribers of store, the publisher's own
	// included. It returns once the event is queued in this process, without
	// waiting for any subscriber. A full queue drops the event and returns
	// [ErrOverloaded], a broken connection [ErrUnavailable]. Events of one
	// publisher with one key keep their order.
	//
	// store and key are 1 to [MaxName] bytes; body is at most [MaxBody].
	Publish(ctx context.Context, store, key string, body []byte) error

	// Subscribe calls fn with what is published for store, one call at a
	// time, until ctx ends (it returns nil) or the broker is closed
	// ([ErrClosed]). It outlives broken connections.
	//
	// The first batch, and the first one of each new epoch, has Gap set: when
	// it arrives the subscription is live, and whatever was published before
	// may have been missed. A subscriber that falls behind loses events and
	// gets a Gap in their place; it never slows the publisher.
	Subscribe(ctx context.Context, store string, fn func(Batch)) error
}

// Batch is a run of events in the order they were received.
type Batch struct {
	// Epoch is the broker's connection count, as in [Status].
	Epoch uint64

	// Gap says that events before this batch may have been lost.
	Gap bool

	// Events are in the order in which they were received. They belong to the
	// callback.
	Events []Event
}

// Event is one published body.
type Event struct {
	Key  string // as in [EventBus].Publish
	Body []byte // opaque here
}
