package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Container is one process to be started as its service says.
type Container struct {
	Name     string
	Root     string   // an empty directory where its root is put together
	Host     []string // directories and files of this machine that it has, read only
	Mounts   []Mount
	Hosts    string // its /etc/hosts
	ReadOnly bool   // its root
	TmpFS    []string
	UID      int // 0 stays root
	Args     []string
	Env      []string
}

// Mount is a directory or file at a place of the container's.
type Mount struct {
	Source, Target string
	Writable       bool
}

// initEnv holds a Container for the process that becomes it.
const initEnv = "STATLINE_STACK_CONTAINER"

// Command is the process of a container: this program, which becomes it in
// Main.
func (c Container) Command() (*exec.Cmd, error) {
	spec, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), initEnv+"="+string(spec))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS,
		Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// networkEnv marks the process inside the network of the stack.
const networkEnv = "STATLINE_STACK_NETWORK"

// Main runs inside where it has to: the process that becomes a container never
// returns; the first one goes on in a network of its own, and its exit code is
// returned with done true; inside that, done is false.
func Main() (code int, done bool, err error) {
	if spec := os.Getenv(initEnv); spec != "" {
		var c Container
		if err := json.Unmarshal([]byte(spec), &c); err != nil {
			return 1, true, err
		}
		return 1, true, fmt.Errorf("container %s: %w", c.Name, c.become())
	}
	if os.Getenv(networkEnv) != "" {
		return 0, false, linkUp()
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), networkEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), true, nil
	}
	return 0, true, err
}

// linkUp brings up the loopback device and gives each service its address.
func linkUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	up, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up); err != nil {
		return fmt.Errorf("bring up the loopback device: %w", err)
	}
	for i := range maxServices {
		alias, err := unix.NewIfreq(fmt.Sprintf("lo:%d", i+1))
		if err != nil {
			return err
		}
		if err := alias.SetInet4Addr(net.ParseIP(address(i)).To4()); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFADDR, alias); err != nil {
			return fmt.Errorf("give the loopback device %s: %w", address(i), err)
		}
	}
	return nil
}

// become turns this process into the container's.
func (c Container) become() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to itself: %w", err)
	}
	if err := unix.Mount("tmpfs", c.Root, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("make its root: %w", err)
	}
	if err := c.furnish(); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(c.Name)); err != nil {
		return err
	}
	if c.ReadOnly {
		if err := unix.Mount("", c.Root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("make its root read only: %w", err)
		}
	}
	if err := unix.Chroot(c.Root); err != nil {
		return err
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if c.UID != 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(c.UID), syscall.Setuid(c.UID)); err != nil {
			return fmt.Errorf("become user %d: %w", c.UID, err)
		}
	}
	path, err := c.lookup(c.Args[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, c.Args, c.Env))
}

func (c Container) lookup(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range []string{"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"} {
		if path := filepath.Join(dir, name); unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: there is no such program in it", name)
}

// furnish fills the root.
func (c Container) furnish() error {
	for _, path := range c.Host {
		if err := c.mount(Mount{Source: path, Target: path}); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/proc", "/dev"} {
		if err := c.mount(Mount{Source: dir, Target: dir, Writable: true}); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(c.Root, "etc"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"hosts": c.Hosts, "hostname": c.Name + "\n", "nsswitch.conf": "hosts: files\n",
		"passwd": "root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532::/home/nonroot:/bin/sh\n",
		"group":  "root:x:0:\nnonroot:x:65532:\n",
	} {
		if err := os.WriteFile(filepath.Join(c.Root, "etc", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, dir := range append([]string{}, c.TmpFS...) {
		if err := c.tmpfs(dir); err != nil {
			return err
		}
	}
	if !c.ReadOnly {
		if err := c.tmpfs("/tmp"); err != nil {
			return err
		}
	}
	for _, m := range c.Mounts {
		if err := c.mount(m); err != nil {
			return err
		}
	}
	return nil
}

func (c Container) tmpfs(dir string) error {
	at := filepath.Join(c.Root, dir)
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	return unix.Mount("tmpfs", at, "tmpfs", 0, "mode=1777")
}

// mount binds a directory or file; what is a link on this machine is one here.
func (c Container) mount(m Mount) error {
	at := filepath.Join(c.Root, m.Target)
	info, err := os.Lstat(m.Source)
	if errors.Is(err, os.ErrNotExist) && m.Source == m.Target {
		return nil // this machine has no /lib64, say
	}
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 && m.Source == m.Target {
		to, err := os.Readlink(m.Source)
		if err != nil {
			return err
		}
		return os.Symlink(to, at)
	}
	if info, err = os.Stat(m.Source); err != nil {
		return err
	}
	if info.IsDir() {
		err = os.MkdirAll(at, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
		err = os.WriteFile(at, nil, 0o644)
	}
	if err != nil {
		return fmt.Errorf("place for %s: %w", m.Target, err)
	}
	if err := unix.Mount(m.Source, at, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s at %s: %w", m.Source, m.Target, err)
	}
	if m.Writable {
		return nil
	}
	if err := unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("make %s read only: %w", m.Target, err)
	}
	return nil
}
