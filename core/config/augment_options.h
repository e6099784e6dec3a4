// `[augment]`: random changes of a training sample, image and masks together; everything 0 leaves it as it is.
#pragma once
#include <sam3lab/api/options.h>

namespace sam3lab {

struct AugmentOptions {
  double rotate_degrees = 0.0, scale = 0.0, shift = 0.0, brightness = 0.0, contrast = 0.0, noise = 0.0, flip = 0.0;
  std::int64_t smallest_side = 0, side_step = 32, most_targets = 0;
  double box_prompt = 0.0, box_jitter = 0.0, box_jitter_most = 20.0;
  bool box_keeps_text = true;
  std::int64_t views = 0;

  template <class V>
  void visit(V&& v) {
    v("rotate_degrees", rotate_degrees, between(0, 180).unit("degrees").about("largest rotation either way"));
    v("scale", scale, at_least(0).less_than(1).about("largest relative change of size either way"));
    v("shift", shift, at_least(0).less_than(1).about("largest shift either way, as a fraction of the side"));
    v("brightness", brightness, between(0, 1).about("largest shift of intensity either way, as a fraction of the range"));
    v("contrast", contrast, at_least(0).less_than(1).about("largest relative change of contrast either way"));
    v("noise", noise, between(0, 1).about("largest standard deviation of added noise, as a fraction of the range"));
    v("flip", flip, between(0, 1).about("probability of a left-right flip; leave at 0 where a prompt says left or right"));
    v("smallest_side", smallest_side,
      at_least(0).unit("pixels").about(
          "resize to a random square of this side or more and pad it to the model's square, black, "
          "at a random place; 0: always to the model's square"));
    v("side_step", side_step, at_least(1).unit("pixels").about("between the sides that smallest_side draws from"));
    v("most_targets", most_targets,
      at_least(0).about("leave out prompts with more targets; 0: refuse those with more than the model has object queries"));
    visit_boxes(v);
    v("views", views,
      at_least(0).about(
          "an image is changed in at most so many ways, by turns: what train.feature_cache keeps then serves again; 0: "
          "anew each time"));
  }

  [[nodiscard]] bool changes() const {
    return rotate_degrees > 0 || scale > 0 || shift > 0 || brightness > 0 || contrast > 0 || noise > 0 || flip > 0 ||
           smallest_side > 0 || box_prompt > 0;
  }

 private:
  template <class V>
  void visit_boxes(V&& v) {
    v("box_prompt", box_prompt, between(0, 1).about("probability that a prompt gets the box of one of its targets as well"));
    v("box_keeps_text", box_keeps_text,
      about("the text stays beside the box; false: it becomes SAM3's word for none, \"visual\""));
    v("box_jitter", box_jitter,
      at_least(0).about("standard deviation of the noise of each edge of such a box, as a fraction of its width or height"));
    v("box_jitter_most", box_jitter_most,
      at_least(0).unit("pixels").about("largest such noise, in pixels of the image as its dataset gives it"));
  }
};

}  // namespace sam3lab
