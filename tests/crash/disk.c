/* Loaded into the program (LD_PRELOAD): records what it does to the files below LETSBRIDGE_DISK, in the order in which it
 * does it, and does not sync. `power.rs` computes from the record what a disk holds after a power loss.
 *
 * A record is appended to LETSBRIDGE_DISK_RECORD by one write, after what it tells of was done; a sync is recorded before
 * its caller goes on. What a killed program did not get to record was not synced. Memory-mapped files are not recorded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* In the byte order of the machine; `power.rs` reads the same. */
struct head {
    uint64_t kind;   /* 'O'pen, 'W'rite, 'T'runcate, 'B'egin of a sync, 'S'ynced, 'D'irectory sync, 'R'ename, 'U'nlink */
    uint64_t inode;
    uint64_t offset; /* the new length, of a truncation; the length of the old name, of a rename; the number of a sync */
    uint64_t length; /* of what follows: what was written, or names below the directory */
};

enum { MOST = 65536 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char directory[PATH_MAX];
static size_t directory_length;
static int record_file = -1;
/* The inodes of open files below the directory; 1 for the directory itself. */
static uint64_t inodes[MOST];

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t plain_writev(const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    return real(record_file, parts, count);
}

__attribute__((constructor)) static void begin(void) {
    const char *below = getenv("LETSBRIDGE_DISK"), *into = getenv("LETSBRIDGE_DISK_RECORD");
    if (!below || !into || !realpath(below, directory)) return;
    directory_length = strlen(directory);
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    record_file = real(into, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void note(uint64_t kind, uint64_t inode, uint64_t offset, const void *data, uint64_t length) {
    struct head head = {kind, inode, offset, length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, length}};
    if (record_file < 0) return;
    /* A record that is cut short would hide all that follow. */
    if (plain_writev(parts, 2) != (ssize_t)(sizeof head + length)) abort();
}

/* The name below the directory; NULL if it is elsewhere, "" for the directory. */
static const char *name_of(const char *path) {
    if (record_file < 0 || !path || strncmp(path, directory, directory_length)) return NULL;
    if (path[directory_length] == 0) return "";
    return path[directory_length] == '/' ? path + directory_length + 1 : NULL;
}

static uint64_t inode_of(int fd) {
    return record_file >= 0 && fd >= 0 && fd < MOST ? inodes[fd] : 0;
}

static int opened(int fd, const char *path, int flags) {
    int before = errno;
    const char *name = name_of(path);
    struct stat found;
    if (fd >= 0 && fd < MOST && record_file >= 0) {
        pthread_mutex_lock(&lock);
        inodes[fd] = 0;
        if (name && !fstat(fd, &found)) {
            if (!*name) {
                inodes[fd] = 1;
            } else if (S_ISREG(found.st_mode)) {
                inodes[fd] = found.st_ino;
                note('O', found.st_ino, 0, name, strlen(name));
                if (flags & O_TRUNC) note('T', found.st_ino, 0, NULL, 0);
            }
        }
        pthread_mutex_unlock(&lock);
    }
    errno = before;
    return fd;
}

#define OPEN(function)                                                              \
    int function(const char *path, int flags, ...) {                                \
        REAL(int, #function, const char *, int, ...);                               \
        va_list rest;                                                               \
        va_start(rest, flags);                                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;     \
        va_end(rest);                                                               \
        return opened(real(path, flags, mode), path, flags);                        \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(function)                                                            \
    int function(int at, const char *path, int flags, ...) {                        \
        REAL(int, #function, int, const char *, int, ...);                          \
        va_list rest;                                                               \
        va_start(rest, flags);                                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;     \
        va_end(rest);                                                               \
        return opened(real(at, path, flags, mode), path, flags);                    \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    REAL(int, "close", int);
    if (fd >= 0 && fd < MOST) inodes[fd] = 0;
    return real(fd);
}

static ssize_t written(uint64_t inode, const void *data, ssize_t done, off_t offset) {
    int before = errno;
    if (done > 0) note('W', inode, (uint64_t)offset, data, (uint64_t)done);
    errno = before;
    return done;
}

#define PWRITE(function, offset_type)                                               \
    ssize_t function(int fd, const void *data, size_t length, offset_type offset) { \
        REAL(ssize_t, #function, int, const void *, size_t, offset_type);           \
        uint64_t inode = inode_of(fd);                                              \
        if (!inode) return real(fd, data, length, offset);                          \
        pthread_mutex_lock(&lock);                                                  \
        ssize_t done = written(inode, data, real(fd, data, length, offset), offset);\
        pthread_mutex_unlock(&lock);                                                \
        return done;                                                                \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    uint64_t inode = inode_of(fd);
    if (!inode) return real(fd, data, length);
    pthread_mutex_lock(&lock);
    ssize_t done = real(fd, data, length);
    /* Also right of a file that is only appended to. */
    if (done > 0) written(inode, data, done, lseek(fd, 0, SEEK_CUR) - done);
    pthread_mutex_unlock(&lock);
    return done;
}

/* Nothing in the program writes to these files so: if that changes, it must be noticed. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    if (inode_of(fd)) abort();
    return real(fd, parts, count);
}

#define TRUNCATE(function, length_type)                                             \
    int function(int fd, length_type length) {                                      \
        REAL(int, #function, int, length_type);                                     \
        uint64_t inode = inode_of(fd);                                              \
        if (!inode) return real(fd, length);                                        \
        pthread_mutex_lock(&lock);                                                  \
        int failed = real(fd, length);                                              \
        if (!failed) note('T', inode, (uint64_t)length, NULL, 0);                   \
        pthread_mutex_unlock(&lock);                                                \
        return failed;                                                              \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* A disk takes some time to sync, in which others write on. */
static uint64_t begin_sync(uint64_t inode) {
    static uint64_t syncs;
    pthread_mutex_lock(&lock);
    uint64_t number = ++syncs;
    note('B', inode, number, NULL, 0);
    pthread_mutex_unlock(&lock);
    usleep(2000);
    return number;
}

/* With LETSBRIDGE_DISK_LIES, what Rust's `sync_data` does is forgotten: the run must find that out. */
#define SYNC(function, lies)                                                        \
    int function(int fd) {                                                          \
        REAL(int, #function, int);                                                  \
        uint64_t inode = inode_of(fd);                                              \
        if (!inode) return real(fd);                                                \
        if (lies && getenv("LETSBRIDGE_DISK_LIES")) return 0;                       \
        uint64_t number = inode == 1 ? 0 : begin_sync(inode);                       \
        pthread_mutex_lock(&lock);                                                  \
        note(inode == 1 ? 'D' : 'S', inode, number, NULL, 0);                       \
        pthread_mutex_unlock(&lock);                                                \
        return 0;                                                                   \
    }
SYNC(fsync, 0)
SYNC(fdatasync, 1)

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    const char *old = name_of(from), *new = name_of(to);
    if (!old || !new) return real(from, to);
    char names[2 * PATH_MAX];
    size_t first = strlen(old), second = strlen(new);
    pthread_mutex_lock(&lock);
    int failed = real(from, to);
    if (!failed) {
        memcpy(names, old, first);
        memcpy(names + first, new, second);
        note('R', 0, first, names, first + second);
    }
    pthread_mutex_unlock(&lock);
    return failed;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    const char *name = name_of(path);
    if (!name) return real(path);
    pthread_mutex_lock(&lock);
    int failed = real(path);
    if (!failed) note('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    return failed;
}
