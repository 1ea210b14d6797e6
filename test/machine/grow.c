// A job that grows after it has started: grow MIB DELAY_MS HOLD_MS
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void wait_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  size_t size = strtoul(argv[1], NULL, 10) << 20;
  wait_ms(atol(argv[2]));
  char *memory = malloc(size);
  if (memory == NULL) return 1;
  memset(memory, 1, size);
  wait_ms(atol(argv[3]));
  return memory[size - 1] == 1 ? 0 : 1;
}
