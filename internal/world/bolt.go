package world

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
)

// boltPage is the page of the databases that the daemon keeps.
const boltPage = 4096

// boltFile is a bbolt database of one bucket with the given pairs, sorted by key, at
// least size bytes long: two meta pages, an empty freelist, the root's leaf and the
// bucket's, which runs over as many pages as it needs.
func boltFile(bucket string, pairs [][2]string, size int64) []byte {
	u16, u32, u64 := binary.LittleEndian.AppendUint16, binary.LittleEndian.AppendUint32, binary.LittleEndian.AppendUint64
	leaf := func(id uint64, pairs [][2]string, flag uint32) []byte {
		n := 16 * len(pairs)
		var elems, data []byte
		for i, p := range pairs {
			pos := n - 16*i + len(data)
			elems = u32(u32(u32(u32(elems, flag), uint32(pos)), uint32(len(p[0]))), uint32(len(p[1])))
			data = append(append(data, p[0]...), p[1]...)
		}
		body := slices.Concat(elems, data)
		over := (len(body) + 16 - 1) / boltPage
		page := u32(u16(u16(u64(nil, id), 2), uint16(len(pairs))), uint32(over))
		return append(page, body...)
	}
	pad := func(b []byte, to int) []byte { return append(b, make([]byte, to-len(b))...) }
	var root [][2]string
	last := uint64(4)
	var own []byte
	if bucket != "" {
		root = [][2]string{{bucket, string(u64(u64(nil, 4), 0))}}
		own = leaf(4, pairs, 0)
		last = 4 + uint64(len(own)+boltPage-1)/boltPage
	}
	var out []byte
	for id := range uint64(2) {
		m := u32(u32(u32(u32(nil, 0xED0CDAED), 2), boltPage), 0)
		m = u64(u64(u64(u64(u64(m, 3), 0), 2), last), id)
		h := fnv.New64a()
		_, _ = h.Write(m)
		out = append(out, pad(append(u32(u16(u16(u64(nil, id), 4), 0), 0), u64(m, h.Sum64())...), boltPage)...)
	}
	out = append(out, pad(u32(u16(u16(u64(nil, 2), 16), 0), 0), boltPage)...)
	out = append(out, pad(leaf(3, root, 1), boltPage)...)
	out = append(out, own...)
	return pad(out, max(int(size), int(last)*boltPage))
}
