package filelog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// InUseError says who holds the folder. It answers to errors.Is(err, store.ErrInUse).
type InUseError struct {
	Dir    string
	PID    int    // of the process that holds it; 0 when that is not known
	Holder string // the Config.Holder of that process
}

func (e *InUseError) Error() string {
	who := "another process"
	if e.PID > 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	if e.PID == os.Getpid() {
		who = "this process"
	}
	if e.Holder != "" {
		who += fmt.Sprintf(" (%s)", e.Holder)
	}
	return fmt.Sprintf("%v: folder %s is held by %s; stop it, ask it, or use another folder", store.ErrInUse, e.Dir, who)
}

// Is reports that the error is store.ErrInUse.
func (e *InUseError) Is(target error) bool { return target == store.ErrInUse }

// errLocked is what tryLock answers when somebody else holds the file.
var errLocked = errors.New("locked")

// folderLock is the operating system's lock on the file LOCK. It goes with the process, however that ends; what the file says
// only tells others whom to ask.
type folderLock struct{ f *os.File }

// lockFolder takes the lock for this process until release.
func lockFolder(dir, holder string) (release func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		defer f.Close()
		if errors.Is(err, errLocked) {
			return nil, inUse(dir, f)
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	l := &folderLock{f}
	if err := l.write(fmt.Sprintf("%d\n%s\n", os.Getpid(), holder)); err != nil {
		l.release()
		return nil, err
	}
	return l.release, nil
}

func (l *folderLock) write(text string) error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(text), 0)
	return err
}

// release leaves the file: removing it could take it from under the next holder.
func (l *folderLock) release() error {
	return errors.Join(l.write(""), l.f.Close())
}

func inUse(dir string, f *os.File) error {
	e := &InUseError{Dir: dir}
	b := make([]byte, 4096)
	n, _ := f.ReadAt(b, 0)
	pid, holder, _ := strings.Cut(string(b[:n]), "\n")
	e.PID, _ = strconv.Atoi(pid)
	e.Holder = strings.TrimSuffix(holder, "\n")
	return e
}
