"""What to expect of each parameter when it is raised or lowered, and what is usual."""

from __future__ import annotations

from typing import NamedTuple

from vae.language import marked


class Advice(NamedTuple):
    """Sentences for the person at the form; an empty one says that there is nothing to tell."""

    higher: str
    lower: str
    usual: str


ADVICE: dict[str, Advice] = {
    "file_path": Advice(
        "", "", marked("From some hundred images on; more are better than better parameters.")
    ),
    "img_size": Advice(
        marked("Finer detail; time and memory grow with the square."),
        marked("Faster, and samples become clear sooner."),
        marked("64 to try, 128 to 256 for detail."),
    ),
    "in_channels": Advice(
        "", "", marked("1 for X-ray, CT and MR; 3 for stained or colour images.")
    ),
    "batch_size": Advice(
        marked("Smoother steps and better use of a GPU, but fewer steps an epoch; more memory."),
        marked("More steps an epoch, so that a small data set learns sooner; noisier."),
        marked("10 to 64 on a CPU, up to 256 on a GPU."),
    ),
    "val_fraction": Advice(
        marked("Measured on more images, and fewer are left to learn from."),
        marked("More images to learn from; figures vary more by chance."),
        marked("0.1. With 0, learning by heart goes unseen."),
    ),
    "latent_dim": Advice(
        marked("Sharper reconstructions, but more latents than the data needs turn samples grey."),
        marked("Better samples, softer reconstructions."),
        marked("64 to 128 for small images; 750 is the published value for 128 pixels."),
    ),
    "depth": Advice(
        marked("Sees larger structures with fewer weights at the latent; fine detail may be lost."),
        marked("Keeps detail; many more weights at the latent."),
        marked("3 to 4 up to 128 pixels, 5 at 256."),
    ),
    "num_epochs": Advice(
        marked("Trains longer; look at the loss curve for whether it still falls."),
        marked("Ends sooner."),
        marked("25 to see whether it works, 100 and more for good samples."),
    ),
    "lr": Advice(
        marked("Learns faster, until the loss jumps or becomes NaN."),
        marked("Steadier, and slower."),
        marked("0.0001 to 0.001."),
    ),
    "lr_schedule": Advice(
        "",
        "",
        marked("constant. cosine for a last bit of quality, once the number of epochs is settled."),
    ),
    "early_stopping": Advice(
        marked("Waits longer for an improvement."),
        marked("Ends sooner, at times too soon."),
        marked("10, together with a val_fraction of 0.1."),
    ),
    "alpha": Advice(
        marked("Reconstructions count more: sharper, and samples drift from the data."),
        marked("The KL divergence counts more: smoother."),
        marked("5."),
    ),
    "beta": Advice(
        marked("Latents closer to N(0, I): smoother samples; too high, and all turn grey alike."),
        marked("Sharper reconstructions; samples become rough, since latents leave N(0, I)."),
        marked("0.01 to 1. With kl_balance auto 0.3 to 1: the weight in use is far smaller."),
    ),
    "kl_balance": Advice(
        "",
        "",
        marked(
            "auto, unless published weights are to be repeated: with those, most latents fall "
            "silent and images stay blurred. With auto take the sampler gmm too."
        ),
    ),
    "gamma": Advice(
        marked("Sharper edges asked for; too high, and a pattern of dots appears."),
        marked("Softer images."),
        marked("0 to 10."),
    ),
    "log_file": Advice("", "", marked("Opens in any spreadsheet.")),
    "model_save_dir": Advice("", "", marked("A folder for each run; a run resumes from it.")),
    "output_dir": Advice("", "", marked("A folder for each run.")),
    "sampler": Advice(
        "",
        "",
        marked("gmm with kl_balance auto. prior draws from N(0, I), as published."),
    ),
    "temperature": Advice(
        marked("More varied samples, and more that look like nothing."),
        marked("Samples closer to the average image."),
        marked("0.7 to 1."),
    ),
    "seed": Advice("", "", marked("Any. Several seeds show how much of a result is chance.")),
    "base_channels": Advice(
        marked("Learns more, with the square more time."),
        marked("Faster and smaller."),
        marked("16 to 64."),
    ),
    "decoder": Advice(
        "",
        "",
        marked("transposed, as published; upsample where dots are seen although gamma is 0."),
    ),
    "augment": Advice(
        "",
        "",
        marked(
            "none; light for some hundred images or fewer; flip only where left and right may be "
            "exchanged. Validation images stay as they are: their loss may lie below the training "
            "loss."
        ),
    ),
    "group_pattern": Advice(
        "",
        "",
        marked(
            "The part of the name that tells the patient, as person[0-9]+; images that do not "
            "match count for themselves. Brackets ( ) choose a part of the match."
        ),
    ),
    "kl_warmup": Advice(
        marked("Latents are in use before the KL divergence counts in full."),
        marked("The KL divergence counts from the start."),
        marked("0; 5 to 20 where latents fall silent with kl_balance fixed."),
    ),
    "free_bits": Advice(
        marked("More latents stay in use, each at least so much."),
        marked("Latents may fall silent."),
        marked("0; 0.05 to 0.5 where latents fall silent with kl_balance fixed."),
    ),
    "lr_warmup": Advice(
        marked("A gentler start for a high learning rate."),
        marked("Full speed from the start."),
        marked("0; 1 to 5 with a learning rate above 0.001."),
    ),
    "clip_norm": Advice(
        marked("Only the largest gradients are held back."),
        marked("All steps become of one size."),
        marked("0; 1 where the loss jumps."),
    ),
    "ema": Advice(
        marked("Smoother over more steps; lags behind in short runs."),
        marked("Follows the weights closely."),
        marked("0, or 0.999."),
    ),
    "threads": Advice(
        marked("Faster, up to the number of cores."),
        marked("Leaves cores to other programs."),
        marked("0."),
    ),
    "device": Advice("", "", marked("auto.")),
    "precision": Advice(
        "", "", marked("auto. If float16 is too narrow, bfloat16; float32 is the most exact.")
    ),
    "cache_gb": Advice(
        marked("More data sets stay decoded on disk."),
        marked("Less disk space; later runs decode again."),
        marked("20."),
    ),
    "checkpoint_every": Advice(
        marked("Less writing; a crash costs more epochs."),
        marked("A crash costs less."),
        marked("1; more where epochs take seconds."),
    ),
    "keep_checkpoints": Advice(
        marked("More to go back to; each takes disk space."),
        marked("Less disk space."),
        marked("3."),
    ),
    "sample_every": Advice(
        marked("Less time beside training."),
        marked("More pictures to compare."),
        marked("1; more where epochs take seconds."),
    ),
}
