/* BLAS and the LAPACK routines in use, as libopenblas exports them. Debian's libopenblas-dev ships no lapacke.h. */
#include <cblas.h>

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda, double *b,
             const int *ldb, int *info);
void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *ipiv, int *info);
void dgetrs_(const char *trans, const int *n, const int *nrhs, const double *a, const int *lda, const int *ipiv,
             double *b, const int *ldb, int *info);

/* Ends the threads that the library starts when it is loaded, which otherwise spin for work during the first fraction of a second; the
   variant without threads has no such function. */
int blas_thread_shutdown_(void) __attribute__((weak));
static inline void openblas_end_threads(void) {
  if (blas_thread_shutdown_) blas_thread_shutdown_();
}

/* A buffer of a thread that calls BLAS, and its return to those that wait for use. */
void *blas_memory_alloc(int procpos);
void blas_memory_free(void *buffer);
