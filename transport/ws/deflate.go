package ws

import (
	"bytes"
	"compress/flate"
	"sync"

	"github.com/carlware/gochat/chat"
)

// With Options.Compress, connections may use permessage-deflate (RFC 7692)
// without context takeover: each message is compressed alone, so one compressed
// form of an event does for all who get it, and a connection keeps no state.

const (
	minDeflate      = 128     // shorter events are not worth it
	minDeflateReply = 1 << 10 // nor are shorter replies, each for one client only
)

// encodeBoth is encodeDelivery followed by the same compressed, if that is
// shorter.
func encodeBoth(d *chat.Delivery) []byte {
	plain := encodeDelivery(d)
	return append(plain, deflated(plain, minDeflate)...)
}

// formOf picks the frame for a connection out of what encodeDelivery or
// encodeBoth has made.
func formOf(b []byte, compressed bool) []byte {
	n := frameLen(b)
	if compressed && n < len(b) {
		return b[n:]
	}
	return b[:n]
}

// frameLen returns the length of the frame that b begins with.
func frameLen(b []byte) int {
	switch b[1] {
	case 126:
		return 4 + (int(b[2])<<8 | int(b[3]))
	case 127:
		return 10 + (int(b[6])<<24 | int(b[7])<<16 | int(b[8])<<8 | int(b[9]))
	}
	return 2 + int(b[1])
}

// deflater is a compressor, of a megabyte.
type deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	d := &deflater{}
	d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // the level is a valid one
	return d
}}

// deflated returns the compressed form of a text frame, or nil when its payload
// is shorter than least, or would not get shorter.
func deflated(frame []byte, least int) []byte {
	payload := frame[headerLen(frame):]
	if len(payload) < least {
		return nil
	}
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.out.Reset()
	d.out.Write(make([]byte, maxHeader))
	d.w.Reset(&d.out)
	_, _ = d.w.Write(payload) // a bytes.Buffer does not fail
	_ = d.w.Flush()
	z := d.out.Bytes()
	z = z[:len(z)-len("\x00\x00\xff\xff")] // RFC 7692, section 7.2.1
	if len(z)-maxHeader >= len(payload) {
		return nil
	}
	z = addHeader(bytes.Clone(z))
	z[0] |= 0x40 // RSV1
	return z
}

func headerLen(frame []byte) int {
	switch frame[1] {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}
