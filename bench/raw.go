package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// rawEvent is how many bytes an event has when the peer is a plain file: about what 200 bytes of JSON and 150 of metadata take.
const rawEvent = 400

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// rawFile is a file of frames, each with a length and a CRC-32C, and nothing else.
type rawFile struct {
	file  *os.File
	frame []byte
}

func newRawFile(e *env) (*rawFile, error) {
	dir, err := e.folder()
	if err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		return nil, err
	}
	e.onClose(f.Close)
	frame := make([]byte, rawEvent)
	body := frame[8:]
	for i := range body {
		body[i] = byte(i)
	}
	binary.LittleEndian.PutUint32(frame, uint32(len(body)))
	binary.LittleEndian.PutUint32(frame[4:], crc32.Checksum(body, castagnoli))
	return &rawFile{f, frame}, nil
}

const rawName = "raw file"

// withRaw puts a raw file after Oxbow.
func withRaw(e *env, contenders []contender, side func(*rawFile) side) ([]contender, error) {
	raw, err := newRawFile(e)
	if err != nil {
		return nil, err
	}
	c := contender{
		name: rawName, side: side(raw),
		does: "frames of 400 bytes with a CRC-32C appended to a file by one writer: no index, no revision, nothing shared",
	}
	return slices.Insert(contenders, 1, c), nil
}

// append writes n frames at once.
func (r *rawFile) append(n int, sync bool) error {
	block := make([]byte, 0, n*rawEvent)
	for range n {
		block = append(block, r.frame...)
	}
	if _, err := r.file.Write(block); err != nil || !sync {
		return err
	}
	return syncData(r.file)
}

// appends returns a call that appends n frames at once.
func (r *rawFile) appends(n int, sync bool) func(context.Context) error {
	return func(context.Context) error { return r.append(n, sync) }
}

var errRawFrame = errors.New("a frame of the raw file is damaged")

// replay returns a call that reads n frames in order and checks each. They are written the first time.
func (r *rawFile) replay(n int) func(context.Context) error {
	written := false
	return func(context.Context) error {
		if !written {
			written = true
			if err := r.append(n, false); err != nil {
				return err
			}
		}
		return r.readAll()
	}
}

func (r *rawFile) readAll() error {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in, body := bufio.NewReaderSize(r.file, 1<<20), make([]byte, rawEvent)
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		length := binary.LittleEndian.Uint32(head[:])
		if length > rawEvent {
			return errRawFrame
		}
		if _, err := io.ReadFull(in, body[:length]); err != nil {
			return err
		}
		if crc32.Checksum(body[:length], castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return errRawFrame
		}
	}
}
