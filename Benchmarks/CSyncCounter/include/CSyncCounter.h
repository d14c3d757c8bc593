// How often this process has asked the kernel to make a file durable, whichever library did.
#pragma once
unsigned long syncCount(void);
