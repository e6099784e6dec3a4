// The tables of an experiment file that say what is known of the data, and how they are divided.
#pragma once
#include <sam3lab/api/options.h>

namespace sam3lab {

// From the freest to the most restricted. "permissive": MIT, BSD, Apache. "open": free by its own words, not by a known
// licence. "research": research alone; "registration": to be asked for; "own": yours. A class is a summary, the source's text
// counts.
inline const Texts& licence_classes() {
  static const Texts classes = {"public-domain", "CC0",         "permissive", "CC-BY",        "CC-BY-SA", "open",
                                "CC-BY-NC",      "CC-BY-NC-SA", "research",   "registration", "own",      "unknown"};
  return classes;
}

// Keys of every `[dataset.NAME]` beside the plugin's own.
struct DatasetOptions {
  std::string role = "internal", modality;
  double sampling_weight = 1.0;
  std::string prompt = "dictionary", published_prompt;
  std::string licence = "unknown", source, citation;
  std::string layout_source, layout_status = "confirmed";
  bool accept_unconfirmed = false;
  Texts defects;
  Numbers anonymise_boxes;
  bool anonymise_text = false;
  std::string anonymise_faces;

  template <class V>
  void visit(V&& v) {
    v("role", role, one_of({"internal", "external"}).about("external is evaluated and never trained on"));
    v("modality", modality, Limits().required().about("ct, mri, ...: concepts of other modalities serve as negatives"));
    v("sampling_weight", sampling_weight,
      at_least(0).about("how often its images are drawn in training, relative to the others"));
    v("prompt", prompt,
      one_of({"dictionary", "published"})
          .about("published: one text, published_prompt, for all its labels together, as the published evaluator asks"));
    v("published_prompt", published_prompt, about("what the published evaluator asks of it"));
    v("anonymise_boxes", anonymise_boxes,
      between(0, 1).about("rectangles made black in every image: left, top, right, bottom of each, as fractions of the sides"));
    v("anonymise_text", anonymise_text, about("find text that is burned into the images and make it black"));
    v("anonymise_faces", anonymise_faces,
      Limits().path().about("volume on the grid of a head, {subject} in its name; slices are black where it is not 0"));
    describe(v);
  }

 private:
  // What changes no result, and so is no part of a run's identity.
  template <class V>
  void describe(V&& v) {
    v("licence", licence,
      one_of(licence_classes()).about("class of the terms of use; data.require_licence refuses by it").changes_no_result());
    v("source", source, about("where to get it").changes_no_result());
    v("citation", citation, about("what to cite").changes_no_result());
    v("layout_source", layout_source, about("who says that the files lie as this table has it").changes_no_result());
    v("layout_status", layout_status,
      one_of({"confirmed", "reported", "unconfirmed"})
          .about("of the layout: seen in the source, told by others, or guessed; unconfirmed is refused")
          .changes_no_result());
    v("accept_unconfirmed", accept_unconfirmed, about("take an unconfirmed layout").changes_no_result());
    v("defects", defects, about("what is known to be wrong with it").changes_no_result());
  }
};

// `[data]`: what is asked of all datasets.
struct DataOptions {
  Texts require_licence;

  template <class V>
  void visit(V&& v) {
    v("require_licence", require_licence,
      one_of(licence_classes()).about("classes that a dataset may have; empty: any. Another one is refused"));
  }
};

// `[split]`: which items are held out of training. Whole blocks of neighbours, so that no slice trains beside its twin.
struct SplitOptions {
  double held_out = 0.15;
  std::int64_t seed = 0, blocks = 1;
  std::string mode = "auto", by = "subject", official;
  std::int64_t folds = 0, fold = 0;
  Texts leave_out;
  std::string file;

  template <class V>
  void visit(V&& v) {
    v("held_out", held_out, more_than(0).less_than(1).about("fraction of the items of each subject"));
    v("seed", seed, at_least(0).about("places the blocks; independent of the seeds of the runs"));
    v("blocks", blocks, at_least(1).about("held-out blocks in each subject"));
    v("mode", mode,
      one_of({"auto", "block", "subject"})
          .about("hold out blocks of each subject, or whole subjects; auto: subjects where a dataset has 7 or more"));
    v("by", by, one_of({"subject", "site"}).about("what is never divided where whole groups are held out"));
    v("official", official,
      about("subset of the source's own division to hold out, such as \"test\" or \"fold3\"; datasets without subsets are "
            "split as "
            "usual. Other subsets train, but \"test\" and \"validation\" never do"));
    v("folds", folds, between(0, 1000).about("cross-validation: into how many folds the groups are divided; 0: none"));
    v("fold", fold, at_least(0).about("the fold that is held out, from 0; a grid over it runs them all"));
    v("leave_out", leave_out,
      about(
          "hold out all that matches one of these: \"modality=ct\", \"site=A\", \"dataset=NAME\"; the rest is split as ever"));
    v("file", file,
      Limits().path().about("JSON of `sam3lab verify --write-split`: the sides of all items, and nothing else counts"));
  }
};

}  // namespace sam3lab
