"""The peer: torchvision's reference training loop in its plain form, run by torchrun on gloo ranks.

ImageFolder, PIL decoding and augmentation in every epoch, float32, DistributedDataParallel; as
torchvision's references/classification/train.py does with its defaults for a small job.
"""

import argparse
import time
from pathlib import Path

import torch
import torchvision
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler
from torchvision import transforms


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    distributed.init_process_group("gloo")
    torch.set_num_threads(1)
    torch.manual_seed(1)
    data = torchvision.datasets.ImageFolder(
        given.folder,
        transforms.Compose(
            [
                transforms.RandomResizedCrop(224),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        ),
    )
    sampler: DistributedSampler[object] = DistributedSampler(data)
    loader = DataLoader(data, given.batch, sampler=sampler)
    net = torchvision.models.get_model(given.model, num_classes=len(data.classes))
    train(DistributedDataParallel(net), loader, sampler, given.epochs)
    distributed.destroy_process_group()


def train(
    net: nn.Module, loader: "DataLoader[object]", sampler: "DistributedSampler[object]", epochs: int
) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    net.train()
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        begin, seen = time.perf_counter(), 0
        for images, labels in loader:
            loss = nn.functional.cross_entropy(net(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(images)
        if distributed.get_rank() == 0:
            rate = seen * distributed.get_world_size() / (time.perf_counter() - begin)
            print(f"epoch {epoch} {rate:.2f}", flush=True)


if __name__ == "__main__":
    main()
