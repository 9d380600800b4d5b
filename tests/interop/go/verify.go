// Command verify checks a log folder with Go's own implementation of signed notes and transparency logs
// (golang.org/x/mod/sumdb), which shares no code with this project:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run verify.go DIR [OLD-CHECKPOINT]
//
// It opens the checkpoint with log.vkey, reads every leaf from tile/entries, recomputes the tree, compares all hash tiles,
// and proves some leaves and all seals (and OLD-CHECKPOINT) with proofs made from the tiles alone.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

var dir string

// checkpoint opens a signed checkpoint and returns its tree.
func checkpoint(path string, verifiers note.Verifiers, origin string) tlog.Tree {
	msg, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	n, err := note.Open(msg, verifiers)
	if err != nil {
		log.Fatalf("%s: %v", path, err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		log.Fatalf("%s: not a checkpoint of %s", path, origin)
	}
	var size int64
	if _, err := fmt.Sscanf(lines[1], "%d", &size); err != nil || fmt.Sprint(size) != lines[1] {
		log.Fatalf("%s: size %q", path, lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		log.Fatalf("%s: %v", path, err)
	}
	return tlog.Tree{N: size, Hash: root}
}

// tilePath is the file of a tile: tlog's path without its height.
func tilePath(t tlog.Tile) string {
	p := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	if t.L == -1 {
		p = "entries/" + strings.TrimPrefix(p, "data/")
	}
	return filepath.Join(dir, "tile", p)
}

// tiles reads tiles for tlog.TileHashReader.
type tiles struct{}

func (tiles) Height() int { return height }
func (tiles) ReadTiles(ts []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range ts {
		data, err := os.ReadFile(tilePath(t))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// leaves reads every leaf of the tree.
func leaves(tree tlog.Tree) [][]byte {
	var all [][]byte
	for n := int64(0); n*256 < tree.N; n++ {
		width := tree.N - n*256
		if width > 256 {
			width = 256
		}
		data, err := os.ReadFile(tilePath(tlog.Tile{H: height, L: -1, N: n, W: int(width)}))
		if err != nil {
			log.Fatal(err)
		}
		for i := int64(0); i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				log.Fatalf("bundle %d ends in leaf %d", n, i)
			}
			k := 2 + int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:k])
			data = data[k:]
		}
		if len(data) != 0 {
			log.Fatalf("bundle %d has trailing bytes", n)
		}
	}
	return all
}

// grow recomputes the tree and returns its stored hashes.
func grow(all [][]byte) []tlog.Hash {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i, leaf := range all {
		if len(leaf) < 12 || binary.BigEndian.Uint64(leaf[4:]) != uint64(i) {
			log.Fatalf("leaf %d has another index", i)
		}
		hashes, err := tlog.StoredHashes(int64(i), leaf, read)
		if err != nil {
			log.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	return stored
}

// consistent proves from the tiles that old is a prefix of tree.
func consistent(name string, tree, old tlog.Tree, read tlog.HashReader) int {
	proof, err := tlog.ProveTree(tree.N, old.N, read)
	if err == nil {
		err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
	}
	if err != nil {
		log.Fatalf("consistency with %s: %v", name, err)
	}
	return len(proof)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: verify DIR [OLD-CHECKPOINT]")
	}
	dir = os.Args[1]
	vkey, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := note.NewVerifier(strings.TrimSuffix(string(vkey), "\n"))
	if err != nil {
		log.Fatal(err)
	}
	verifiers := note.VerifierList(verifier)
	tree := checkpoint(filepath.Join(dir, "checkpoint"), verifiers, verifier.Name())

	all := leaves(tree)
	stored := grow(all)
	memory := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	root, err := tlog.TreeHash(tree.N, memory)
	if err != nil || root != tree.Hash {
		log.Fatalf("root of the leaves differs from the checkpoint's (%v)", err)
	}

	compared := 0
	for _, t := range tlog.NewTiles(height, 0, tree.N) {
		// NewTiles lists partial tiles of every width that there ever was; the newest tree's are kept.
		if t.W < 1<<height && int64(t.W) != tree.N>>(height*uint(t.L))%(1<<height) {
			continue
		}
		want, err := tlog.ReadTileData(t, memory)
		if err != nil {
			log.Fatal(err)
		}
		got, err := os.ReadFile(tilePath(t))
		if err != nil || !bytes.Equal(got, want) {
			log.Fatalf("%s differs (%v)", tilePath(t), err)
		}
		compared++
	}

	read := tlog.TileHashReader(tree, tiles{})
	proven := 0
	for i := int64(0); i < tree.N; i += 1 + tree.N/50 {
		proof, err := tlog.ProveRecord(tree.N, i, read)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(all[i]))
		}
		if err != nil {
			log.Fatalf("inclusion of leaf %d: %v", i, err)
		}
		if tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash([]byte("other"))) == nil {
			log.Fatal("a wrong leaf was proven")
		}
		proven++
	}

	old, _ := filepath.Glob(filepath.Join(dir, "seals", "*"))
	old = append(old, os.Args[2:]...)
	for _, path := range old {
		consistent(path, tree, checkpoint(path, verifiers, verifier.Name()), read)
	}
	fmt.Printf("go: ok: %d leaves, %d tiles, %d inclusion proofs, %d consistency proofs, root %v\n", tree.N, compared, proven,
		len(old), tree.Hash)
}
