#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

/* `gnutls_free` is a variable that holds a function; Swift does not let shared state of C be read safely. */
static inline void gnutls_shim_free(void *memory) { gnutls_free(memory); }
