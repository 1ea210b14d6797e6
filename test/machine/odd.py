"""Does with every name in the mount whatever system calls there are for files:  odd.py NODE USER
Prints what came of each, one line for each name and way to open it, and at last END. Nothing here may wait."""
import ctypes
import errno
import fcntl
import mmap
import os
import select
import stat
import struct
import sys

NODE, USER = sys.argv[1], int(sys.argv[2])
HERE = os.path.dirname(NODE)
os.setgroups([])
os.setgid(USER)
os.setuid(USER)
libc = ctypes.CDLL(None, use_errno=True)
# x86-64 and arm64 have different numbers.
X86 = os.uname().machine == 'x86_64'
FALLOCATE, SYNCFS, READAHEAD, TEE, VMSPLICE = (285, 306, 187, 276, 278) if X86 else (47, 267, 213, 77, 75)
INOTIFY_INIT, INOTIFY_WATCH, FANOTIFY_INIT, FANOTIFY_MARK = (294, 254, 300, 301) if X86 else (26, 27, 262, 263)
READ, WRITE = (0, 1) if X86 else (63, 64)
NOW = os.O_NONBLOCK


def call(number, *args):
    result = libc.syscall(number, *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), '')
    return result


def outcome(do):
    try:
        do()
        return 'ok'
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    except ValueError:
        return 'refused'  # by Python, before it asks


def report(what, tries):
    print(what, ' '.join(f'{name}={outcome(do)}' for name, do in tries.items()), flush=True)


def watch(path):
    call(INOTIFY_WATCH, call(INOTIFY_INIT, 0), path.encode(), 0xFFF)


def mark(path):
    group = call(FANOTIFY_INIT, 0x200, 0o2)
    call(FANOTIFY_MARK, group, 1, ctypes.c_ulong(0x13B), -100, path.encode())


def by_name(path):
    reopened = lambda: os.close(os.open(f'/proc/self/fd/{os.open(path, os.O_PATH)}', os.O_RDWR | NOW))
    return {
        'stat': lambda: os.stat(path),
        'statvfs': lambda: os.statvfs(path),
        'listxattr': lambda: os.listxattr(path),
        'getxattr': lambda: os.getxattr(path, 'security.capability'),
        'setxattr': lambda: os.setxattr(path, 'user.a', b'1'),
        'chmod': lambda: os.chmod(path, 0o777),
        'chown': lambda: os.chown(path, 1, 1),
        'utime': lambda: os.utime(path),
        'truncate': lambda: os.truncate(path, 1 << 40),
        'link': lambda: os.link(path, f'{HERE}/link'),
        'symlink': lambda: os.symlink('x', f'{HERE}/symlink'),
        'rename': lambda: os.rename(path, f'{HERE}/renamed'),
        'unlink': lambda: os.unlink(path),
        'rmdir': lambda: os.rmdir(path),
        'mkdir': lambda: os.mkdir(f'{path}x'),
        'mkfifo': lambda: os.mkfifo(f'{path}x'),
        'mknod': lambda: os.mknod(f'{path}x', 0o600 | stat.S_IFREG),
        'readlink': lambda: os.readlink(path),
        'exec': lambda: os.posix_spawn(path, [path], {}),
        'excl': lambda: os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | NOW),
        'tmpfile': lambda: os.open(HERE, os.O_TMPFILE | os.O_RDWR),
        'listdir': lambda: os.listdir(path),
        'path': lambda: os.close(os.open(path, os.O_PATH)),
        'reopened': reopened,
        'inotify': lambda: watch(path),
        'fanotify': lambda: mark(path),
    }


def polled(file):
    poll, epoll = select.poll(), select.epoll()
    poll.register(file, 0xFF)
    poll.poll(1)
    select.select([file], [file], [file], 0.001)
    epoll.register(file, select.EPOLLIN | select.EPOLLET | select.EPOLLEXCLUSIVE)
    epoll.poll(0.001)
    epoll.close()


def opened(file):
    here, there = os.pipe2(NOW)
    os.write(there, b'+++')
    memory = os.memfd_create('x')
    os.write(memory, b'+++')
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(4)), 4)
    lock = lambda command: fcntl.fcntl(file, command, struct.pack('hhqqi', fcntl.F_WRLCK, 0, 0, 0, 0))
    tries = {
        'read 0': lambda: os.read(file, 0),
        'read': lambda: os.read(file, 1),
        'read 16M': lambda: os.read(file, 1 << 24),
        'readv': lambda: os.readv(file, [bytearray(1), bytearray(100000)]),
        'pread': lambda: os.pread(file, 1, 1 << 40),
        'preadv': lambda: os.preadv(file, [bytearray(1)], 0, os.RWF_NOWAIT),
        'write 0': lambda: os.write(file, b''),
        'write 100K': lambda: os.write(file, b'+' * 100000),
        'writev': lambda: os.writev(file, [b'+', b'+']),
        'pwrite': lambda: os.pwrite(file, b'+', 5),
        'bad read': lambda: call(READ, file, ctypes.c_void_p(8), 1),
        'bad write': lambda: call(WRITE, file, ctypes.c_void_p(8), 1),
        'seek': lambda: os.lseek(file, 1 << 62, 0),
        'ftruncate': lambda: os.ftruncate(file, 1 << 40),
        'fallocate': lambda: call(FALLOCATE, file, 3, ctypes.c_long(0), ctypes.c_long(10)),
        'fchmod': lambda: os.fchmod(file, 0o777),
        'fsync': lambda: os.fsync(file),
        'syncfs': lambda: call(SYNCFS, file),
        'fadvise': lambda: os.posix_fadvise(file, 0, 0, 3),
        'readahead': lambda: call(READAHEAD, file, ctypes.c_long(0), ctypes.c_long(4096)),
        'flock': lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB),
        'lockf': lambda: lock(fcntl.F_SETLK),
        'ofd lock': lambda: lock(37),
        'lease': lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK),
        'no lease': lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK),
        'notify': lambda: fcntl.fcntl(file, fcntl.F_NOTIFY, 0),
        'async': lambda: fcntl.fcntl(file, fcntl.F_SETFL, NOW | os.O_ASYNC),
        'direct': lambda: fcntl.fcntl(file, fcntl.F_SETFL, NOW | os.O_DIRECT),
        'direct read': lambda: os.read(file, 1),
        'direct write': lambda: os.write(file, b'++'),
        'plain': lambda: fcntl.fcntl(file, fcntl.F_SETFL, NOW),
        'small': lambda: fcntl.fcntl(file, 1031, 4096),
        'poll': lambda: polled(file),
        'map': lambda: mmap.mmap(file, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ),
        'share': lambda: mmap.mmap(file, 4096, mmap.MAP_SHARED),
        'splice out': lambda: os.splice(file, there, 10),
        'splice in': lambda: os.splice(here, file, 1),
        'tee in': lambda: call(TEE, here, file, 1, 2),
        'tee out': lambda: call(TEE, file, there, 1, 2),
        'vmsplice': lambda: call(VMSPLICE, file, vector, 1, 2),
        'sendfile out': lambda: os.sendfile(there, file, None, 10),
        'sendfile in': lambda: os.sendfile(file, memory, 0, 2),
        'copy out': lambda: os.copy_file_range(file, memory, 10),
        'copy in': lambda: os.copy_file_range(memory, file, 2),
        'chdir': lambda: os.fchdir(file),
    }
    for request in (0x541B, 0x5401, 0x40049409, 0xC020660B, 0x80086601, 0x40086602, 0x801C581F, 0xDEADBEEF, 1, 2, 0x5460):
        tries[f'ioctl {request:x}'] = lambda request=request: fcntl.ioctl(file, request, bytearray(64))
    return tries, (here, there, memory)


WAYS = {
    'RDONLY': os.O_RDONLY,
    'WRONLY': os.O_WRONLY,
    'RDWR': os.O_RDWR,
    'APPEND': os.O_RDWR | os.O_APPEND,
    'TRUNC': os.O_RDWR | os.O_TRUNC,
    'DIRECT': os.O_RDWR | os.O_DIRECT,
    'SYNC': os.O_RDWR | os.O_SYNC,
    'CREAT': os.O_RDWR | os.O_CREAT,
    'DIRECTORY': os.O_RDONLY | os.O_DIRECTORY,
}

for name in ('jobserver', 'status', 'README', 'api.sock', '.', '.own', 'none'):
    path = os.path.join(HERE, name)
    report(name, by_name(path))
    for way, flags in WAYS.items():
        try:
            file = os.open(path, flags | NOW)
        except OSError as error:
            print(name, way, errno.errorcode[error.errno])
            continue
        tries, others = opened(file)
        report(f'{name} {way}', tries)
        for one in (file, *others):
            os.close(one)
print('END')
