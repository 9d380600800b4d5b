// Command verify checks a log folder with Go's own implementation of signed notes and transparency logs
// (golang.org/x/mod/sumdb), which shares no code with this project:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run verify.go DIR [OLD-CHECKPOINT]
//
// It opens the checkpoint with log.vkey, reads every leaf from tile/entries, recomputes the tree, compares all hash tiles,
// and proves some leaves and all seals (and OLD-CHECKPOINT) with proofs made from the tiles alone. The proofs that lie in
// proof/ it checks as they are, and cosigned, a checkpoint with a witness's line, with and without witness.vkey.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
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
	return tree(path, msg, verifiers, origin)
}

// tree is what a signed checkpoint says.
func tree(path string, msg []byte, verifiers note.Verifiers, origin string) tlog.Tree {
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

// A witness verifies cosignatures (C2SP tlog-cosignature, Ed25519): Go's package leaves other kinds of keys to its callers.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }
func (w witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(w.key, []byte(text), sig[8:])
}

func newWitness(path string) witness {
	line, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	parts := strings.SplitN(strings.TrimSuffix(string(line), "\n"), "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 33 || raw[0] != 4 {
		log.Fatalf("%s: no key of a witness (%v)", path, err)
	}
	hash := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	if fmt.Sprintf("%x", hash[:4]) != parts[1] {
		log.Fatalf("%s: its hash is not %x", path, hash[:4])
	}
	return witness{parts[0], binary.BigEndian.Uint32(hash[:4]), raw[1:]}
}

// hashes reads lines of base64 up to a blank one, and returns what is behind it.
func hashes(path string, lines []byte) ([]tlog.Hash, []byte) {
	var all []tlog.Hash
	for {
		line, rest, ok := bytes.Cut(lines, []byte("\n"))
		if !ok {
			log.Fatalf("%s: no blank line", path)
		}
		if len(line) == 0 {
			return all, rest
		}
		h, err := tlog.ParseHash(string(line))
		if err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		all = append(all, h)
		lines = rest
	}
}

// number reads the number of a line "word N".
func number(path, line, word string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(line, word+" "), 10, 64)
	if err != nil || line != fmt.Sprintf("%s %d", word, n) {
		log.Fatalf("%s: %q", path, line)
	}
	return n
}

// proofFiles checks the proofs that lie in the folder: of leaves, and of growth from trees whose roots Go itself computed.
func proofFiles(leaf [][]byte, memory tlog.HashReader, verifiers note.Verifiers, origin string) (int, int) {
	paths, _ := filepath.Glob(filepath.Join(dir, "proof", "leaf-*"))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		head := strings.SplitN(string(data), "\n", 4)
		if head[0] != "c2sp.org/tlog-proof@v1" || head[1] != "extra "+base64.StdEncoding.EncodeToString([]byte("more")) {
			log.Fatalf("%s: %q", path, head[:2])
		}
		i := number(path, head[2], "index")
		proof, rest := hashes(path, []byte(head[3]))
		of := tree(path, rest, verifiers, origin)
		if err := tlog.CheckRecord(tlog.RecordProof(proof), of.N, of.Hash, i, tlog.RecordHash(leaf[i])); err != nil {
			log.Fatalf("%s: %v", path, err)
		}
	}
	growths, _ := filepath.Glob(filepath.Join(dir, "proof", "from-*"))
	for _, path := range growths {
		data, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		first, rest, _ := strings.Cut(string(data), "\n")
		from := number(path, first, "old")
		proof, note := hashes(path, []byte(rest))
		of := tree(path, note, verifiers, origin)
		old, err := tlog.TreeHash(from, memory)
		if err == nil && from < of.N {
			err = tlog.CheckTree(tlog.TreeProof(proof), of.N, of.Hash, from, old)
		} else if err == nil && (len(proof) != 0 || old != of.Hash) {
			err = fmt.Errorf("not the same tree")
		}
		if err != nil {
			log.Fatalf("%s: %v", path, err)
		}
	}
	return len(paths), len(growths)
}

// cosigned opens a checkpoint with a witness's line as if the line were not there, and by the witness's key alone.
func cosigned(path string, want tlog.Tree, verifiers note.Verifiers, origin string) {
	if checkpoint(path, verifiers, origin) != want {
		log.Fatalf("%s is of another tree", path)
	}
	msg, _ := os.ReadFile(path)
	w := newWitness(filepath.Join(dir, "witness.vkey"))
	if n, err := note.Open(msg, note.VerifierList(w)); err != nil || len(n.Sigs) != 1 {
		log.Fatalf("%s: the witness's line: %v", path, err)
	}
	at := bytes.LastIndexByte(msg[:len(msg)-1], ' ') + 40
	msg[at] ^= 1
	if _, err := note.Open(msg, note.VerifierList(w)); err == nil {
		log.Fatalf("%s: a changed line was taken", path)
	}
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
	head := checkpoint(filepath.Join(dir, "checkpoint"), verifiers, verifier.Name())

	all := leaves(head)
	stored := grow(all)
	memory := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	root, err := tlog.TreeHash(head.N, memory)
	if err != nil || root != head.Hash {
		log.Fatalf("root of the leaves differs from the checkpoint's (%v)", err)
	}

	compared := 0
	for _, t := range tlog.NewTiles(height, 0, head.N) {
		// NewTiles lists partial tiles of every width that there ever was; the newest tree's are kept.
		if t.W < 1<<height && int64(t.W) != head.N>>(height*uint(t.L))%(1<<height) {
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

	read := tlog.TileHashReader(head, tiles{})
	proven := 0
	for i := int64(0); i < head.N; i += 1 + head.N/50 {
		proof, err := tlog.ProveRecord(head.N, i, read)
		if err == nil {
			err = tlog.CheckRecord(proof, head.N, head.Hash, i, tlog.RecordHash(all[i]))
		}
		if err != nil {
			log.Fatalf("inclusion of leaf %d: %v", i, err)
		}
		if tlog.CheckRecord(proof, head.N, head.Hash, i, tlog.RecordHash([]byte("other"))) == nil {
			log.Fatal("a wrong leaf was proven")
		}
		proven++
	}

	old, _ := filepath.Glob(filepath.Join(dir, "seals", "*"))
	old = append(old, os.Args[2:]...)
	for _, path := range old {
		consistent(path, head, checkpoint(path, verifiers, verifier.Name()), read)
	}
	ours, growths := proofFiles(all, memory, verifiers, verifier.Name())
	if _, err := os.Stat(filepath.Join(dir, "witness.vkey")); err == nil {
		cosigned(filepath.Join(dir, "cosigned"), head, verifiers, verifier.Name())
	}
	fmt.Printf("go: ok: %d leaves, %d tiles, %d inclusion proofs, %d consistency proofs, %d and %d of the folder's own, root %v\n", head.N,
		compared, proven, len(old), ours, growths, head.Hash)
}
