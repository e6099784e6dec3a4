// The library's door. DCMTK's dictionary and decoders are set up once, before any child process is made.
#include "core/image/dicom/reader.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>

#include "core/image/dicom/file.h"
#include "core/image/dicom/values.h"
#include "core/image/dicom/volumes.h"

namespace sam3lab::dicom {
namespace {

class DcmtkReader final : public Reader {
 public:
  DcmtkReader() {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    dcmDataDict.rdlock();
    dcmDataDict.rdunlock();
    DJDecoderRegistration::registerCodecs(EDC_photometricInterpretation, EUC_never, EPC_colorByPixel);
    DJLSDecoderRegistration::registerCodecs(EJLSUC_never, EJLSPC_colorByPixel);
    DcmRLEDecoderRegistration::registerCodecs();
  }

  [[nodiscard]] std::string image(const std::filesystem::path& file, PixelUse use, std::int64_t frame) const override {
    return image_bytes(File(file, File::Part::all), use, frame);
  }
  [[nodiscard]] std::string volume(const std::filesystem::path& file) const override {
    return file_volume(File(file, File::Part::all));
  }
  [[nodiscard]] std::string series(const std::string& folder, const std::vector<std::filesystem::path>& files,
                                   std::int64_t series) const override {
    return series_volume(folder, files, series);
  }
  [[nodiscard]] std::int64_t frames(const std::filesystem::path& file) const override {
    return File(file, File::Part::head).layout().frames;
  }
};

}  // namespace
}  // namespace sam3lab::dicom

extern "C" __attribute__((visibility("default"))) const sam3lab::dicom::Reader* sam3lab_dicom_reader() {
  static const sam3lab::dicom::DcmtkReader reader;
  return &reader;
}
