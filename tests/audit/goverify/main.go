// Verifies a log that was published as tlog-tiles, with the packages that the Go checksum database uses.
//
//	goverify FOLDER VKEY [OLD]
//
// FOLDER holds checkpoint and tile/. Every entry is proved to be in the signed tree, and the tree to extend that of OLD.
package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder string

func number(n int64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return text
}

func (f folder) file(level string, n int64, width int) ([]byte, error) {
	path := filepath.Join(string(f), "tile", level, number(n))
	if width < 256 {
		if data, err := os.ReadFile(path + ".p/" + strconv.Itoa(width)); err == nil {
			return data, nil
		}
	}
	return os.ReadFile(path)
}

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := f.file(strconv.Itoa(tile.L), tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, errors.New("a tile is too short")
		}
		all = append(all, data[:tile.W*tlog.HashSize])
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func open(data []byte, verifier note.Verifier) (tree tlog.Tree, err error) {
	signed, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tree, errors.New("no checkpoint of this log")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return tree, errors.New("the root is no hash")
	}
	copy(tree.Hash[:], root)
	return tree, nil
}

func (f folder) entries(size int64) ([][]byte, error) {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := int(size - n*256)
		if width > 256 {
			width = 256
		}
		data, err := f.file("entries", n, width)
		if err != nil {
			return nil, err
		}
		for i := 0; i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(data[0])<<8+int(data[1]) {
				return nil, errors.New("a bundle is cut off")
			}
			end := 2 + int(data[0])<<8 + int(data[1])
			all = append(all, data[2:end])
			data = data[end:]
		}
		if len(data) != 0 {
			return nil, errors.New("a bundle is too long")
		}
	}
	return all, nil
}

// contains checks every entry against its leaf, which the reader proves to be in the tree a tile at a time, and asks for a
// proof of its own for some of them.
func contains(tree tlog.Tree, reader tlog.HashReader, entries [][]byte) error {
	for start := 0; start < len(entries); start += 256 {
		var indexes []int64
		for i := start; i < len(entries) && i < start+256; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(i)))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, hash := range hashes {
			if tlog.RecordHash(entries[start+i]) != hash {
				return fmt.Errorf("entry %d is not in the tree", start+i)
			}
			if !bytes.Contains(entries[start+i], []byte(fmt.Sprintf(`,"seq":%d,`, start+i))) {
				return fmt.Errorf("entry %d has another number", start+i)
			}
		}
	}
	for i := 0; i < len(entries); i += 1 + len(entries)/500 {
		proof, err := tlog.ProveRecord(tree.N, int64(i), reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(i), tlog.RecordHash(entries[i])); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return nil
}

func verify(path, vkey, old string) error {
	verifier, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(path, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := open(data, verifier)
	if err != nil {
		return err
	}
	files := folder(path)
	reader := tlog.TileHashReader(tree, files)
	entries, err := files.entries(tree.N)
	if err != nil {
		return err
	}
	if err := contains(tree, reader, entries); err != nil {
		return err
	}
	if old == "" {
		return nil
	}
	if data, err = os.ReadFile(old); err != nil {
		return err
	}
	before, err := open(data, verifier)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, before.N, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash)
}

func main() {
	old := ""
	if len(os.Args) > 3 {
		old = os.Args[3]
	}
	if err := verify(os.Args[1], os.Args[2], old); err != nil {
		fmt.Println("REFUSED:", err)
		os.Exit(1)
	}
	fmt.Println("OK")
}
