package strictjson

import "bytes"

// fewKeys is the size up to which the keys of an object are compared one by
// one; a larger object gets a map, so that the cost stays linear.
const fewKeys = 16

// keySet is the keys of one object so far. It holds offsets into the document
// and no pointers, so that it lives on the stack.
type keySet struct {
	n    int
	at   [fewKeys]struct{ from, size int }
	many map[string]struct{} // all keys, once there are many or one has escapes
}

// add notes the key at data[from:from+size] and reports whether it was there.
func (k *keySet) add(data []byte, from, size int) (again bool) {
	key := data[from : from+size]
	if k.many != nil || k.n == fewKeys {
		return k.addDecoded(data, key)
	}
	for _, o := range k.at[:k.n] {
		if bytes.Equal(data[o.from:o.from+o.size], key) {
			return true
		}
	}
	k.at[k.n].from, k.at[k.n].size = from, size
	k.n++
	return false
}

// addDecoded is add for a key that is not in data as it reads.
func (k *keySet) addDecoded(data, key []byte) (again bool) {
	if k.many == nil {
		k.many = make(map[string]struct{}, 2*fewKeys)
		for _, o := range k.at[:k.n] {
			k.many[string(data[o.from:o.from+o.size])] = struct{}{}
		}
	}
	if _, again = k.many[string(key)]; !again {
		k.many[string(key)] = struct{}{}
	}
	return again
}
