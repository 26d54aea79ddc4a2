/* Keeps, for each file in the folder POWER_LOSS_FOLDER, the content that it had at its last sync: what a loss of power leaves
 * of it at the least. The copies are in POWER_LOSS_DURABLE. Loaded with LD_PRELOAD by tests/faults.rs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep(int fd) {
    const char *folder = getenv("POWER_LOSS_FOLDER"), *durable = getenv("POWER_LOSS_DURABLE");
    char link[64], path[4096], draft[8192], copy[8192], buffer[65536];
    if (!folder || !durable) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder)) != 0) return;
    const char *name = strrchr(path, '/') + 1;
    snprintf(draft, sizeof draft, "%s/%s.part", durable, name);
    snprintf(copy, sizeof copy, "%s/%s", durable, name);
    int out = open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0) return;
    off_t at = 0;
    ssize_t got;
    while ((got = pread(fd, buffer, sizeof buffer, at)) > 0) {
        if (write(out, buffer, got) != got) abort();
        at += got;
    }
    close(out);
    rename(draft, copy);
}

int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int result = real(fd);
    if (result == 0) keep(fd);
    return result;
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int result = real(fd);
    if (result == 0) keep(fd);
    return result;
}
