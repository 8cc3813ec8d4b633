package rabbitmq

import (
	"encoding/binary"
	"errors"

	"github.com/carlware/gochat/transport"
)

// A message of events is a run of
//
//	2 bytes  length of the key, big-endian
//	         the key
//	4 bytes  length of the body, big-endian
//	         the body

const eventOverhead = 2 + 4

// maxMessage is the longest message of events that is read.
const maxMessage = batchBytes + eventOverhead + transport.MaxName + transport.MaxBody

// maxInMessage is how many events are read from one.
const maxInMessage = 1024

var errEvents = errors.New("events can't be read, are too many, or too large")

func eventSize(key string, body []byte) int { return eventOverhead + len(key) + len(body) }

func appendEvent(b []byte, key string, body []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(key)))
	b = append(b, key...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// readEvents reads a message, all of it or nothing. The bodies are parts of b,
// without room to grow into each other.
func readEvents(b []byte) ([]transport.Event, error) {
	if len(b) > maxMessage {
		return nil, errEvents
	}
	var events []transport.Event
	for len(b) > 0 {
		if len(events) == maxInMessage || len(b) < 2 {
			return nil, errEvents
		}
		n := int(binary.BigEndian.Uint16(b))
		b = b[2:]
		if n == 0 || n > transport.MaxName || len(b) < n+4 {
			return nil, errEvents
		}
		key := string(b[:n])
		size := binary.BigEndian.Uint32(b[n:])
		b = b[n+4:]
		if size > transport.MaxBody || int(size) > len(b) {
			return nil, errEvents
		}
		events = append(events, transport.Event{Key: key, Body: b[:size:size]})
		b = b[size:]
	}
	return events, nil
}
