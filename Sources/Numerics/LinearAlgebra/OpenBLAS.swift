import COpenBLAS

/// OpenBLAS runs on the calling thread only: parallelism lies above it, so that bytes never depend on `--threads`.
/// Call before the first BLAS call of a process; calls after the first cost nothing.
public func useSingleThreadedBLAS() { singleThreaded }

/// Set once: setting it anew while fits run would race with them.
private let singleThreaded: Void = {
  openblas_set_num_threads(1)
  openblas_end_threads()
}()
