import COpenBLAS

/// OpenBLAS runs on the calling thread only: parallelism lies above it, so that bytes never depend on `--threads`.
/// Call once before the first BLAS call of a process.
public func useSingleThreadedBLAS() { _ = isSingleThreaded }

private let isSingleThreaded: Bool = {
  openblas_set_num_threads(1)
  openblas_end_threads()
  return true
}()
