/* Preloaded, lets a process see the time of day as many seconds off as /faketime/clock says; sleeps and intervals stay true. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static time_t looked;
static long off;

static long offset(void)
{
    struct timespec now;
    char said[32];
    real(CLOCK_MONOTONIC, &now);
    if (looked != now.tv_sec) { /* once a second; two threads may do it both */
        looked = now.tv_sec;
        int file = open("/faketime/clock", O_RDONLY | O_CLOEXEC);
        ssize_t length = file < 0 ? 0 : read(file, said, sizeof said - 1);
        if (file >= 0)
            close(file);
        if (length > 0) {
            said[length] = 0;
            off = atol(said);
        }
    }
    return off;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
