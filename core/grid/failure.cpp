#include "core/grid/failure.h"

#include <filesystem>
#include <new>

#include <c10/util/Exception.h>

namespace sam3lab {

Failure failure_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {error.what(), error.code()};
  } catch (const std::bad_alloc&) {
    return {"out of memory; use fewer or smaller images at a time, or a smaller model", ExitCode::numeric};
  } catch (const c10::OutOfMemoryError& error) {
    return {"out of memory: " + std::string(error.what_without_backtrace()), ExitCode::numeric};
  } catch (const c10::Error& error) {
    return {"LibTorch: " + std::string(error.what_without_backtrace()), ExitCode::numeric};
  } catch (const std::filesystem::filesystem_error& error) {
    return {error.what(), ExitCode::data};
  } catch (const std::exception& error) {
    return {"unexpected error: " + std::string(error.what()), ExitCode::numeric};
  } catch (...) {
    return {"unexpected error of unknown type", ExitCode::numeric};
  }
}

}  // namespace sam3lab
